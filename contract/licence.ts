import { z } from 'zod';

/** A package that is shipped with the app, as `licences.json` beside the pages lists them (scripts/lib/licences.ts). */
export const PackageLicence = z.object({
  name: z.string(),
  version: z.string(),
  /** SPDX, as its package says it. */
  licence: z.string(),
  /** Empty where the package brings none: then the name above says all. */
  text: z.string(),
});
export type PackageLicence = z.infer<typeof PackageLicence>;

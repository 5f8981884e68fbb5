import { ref, shallowRef } from 'vue';
import { z } from 'zod';
import { PackageLicence } from '../../../contract/licence.ts';

/** The packages that the app is made of, with their licences: a file beside the pages. */
export function useLicences() {
  const licences = shallowRef<readonly PackageLicence[]>([]);
  const problem = ref<string>();
  void read().then(
    (found) => (licences.value = found),
    // While it is being developed nothing is built.
    () => (problem.value = 'The list of licences could not be read. It is made by `npm run build`.'),
  );
  return { licences, problem };
}

async function read(): Promise<PackageLicence[]> {
  const response = await fetch(new URL('licences.json', document.baseURI));
  return z.array(PackageLicence).parse(await response.json());
}

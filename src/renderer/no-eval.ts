import { z } from 'zod';

/*
 * The page's policy forbids eval, with which zod would make its parsers faster, and tries out whether it may where it makes
 * the first. So this is imported before everything that has schemas.
 */
z.config({ jitless: true });

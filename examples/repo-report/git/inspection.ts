/** What is known of a repository before its history is read. All other steps get it from `inspect`. */

import { z } from 'zod';

export const Inspection = z.object({
  /** Absolute path of the working tree, or of the git folder where there is none. */
  root: z.string(),
  name: z.string(),
  /** Null in a repository without commits. The whole report is about this commit. */
  head: z.string().nullable(),
  /** Null when HEAD is detached. */
  branch: z.string().nullable(),
  isShallow: z.boolean(),
  commits: z.number(),
  tags: z.number(),
  gitVersion: z.string(),
});
export type Inspection = z.infer<typeof Inspection>;

/** What every analysis is given: the repository, its history on disk, and how long its lists may get. */

import { z } from 'zod';
import { Inspection } from '../git/inspection.ts';
import { Collection } from './census.ts';

export const AnalysisInput = z.object({
  inspection: Inspection,
  log: Collection,
  /** Longest list in the result. */
  limit: z.number().int().positive().default(20),
});

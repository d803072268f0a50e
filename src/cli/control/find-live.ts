/** A live run of a folder by its id, or by the beginning of it, and what is asked of it. */

import { type Asked, LiveRuns } from './live-runs.ts';
import type { Request } from './protocol.ts';

/** As for executions of a journal. */
const SHORTEST = 3;

/** Undefined when no run that lives here is meant. */
export async function askLive<One extends Request>(
  cwd: string,
  id: string,
  of: (executionId: string) => One,
): Promise<Asked<One['type']> | undefined> {
  const runs = new LiveRuns(cwd);
  const ids = await runs.ids();
  const begun = id.length >= SHORTEST ? ids.filter((each) => each.startsWith(id)) : [];
  const executionId = ids.includes(id) ? id : begun.length === 1 ? begun[0] : undefined;
  return executionId === undefined ? undefined : runs.ask(executionId, of(executionId));
}

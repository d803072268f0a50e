/** Executions of a journal as something to run on. */

import type { Runtime } from '../../create-runtime.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionHandle, SwarmHandle } from '../../runtime/execution/handle.ts';
import type { JournalReader, StreamInfo } from '../../runtime/journal/journal.ts';
import { restorationOf } from '../../runtime/journal/restoration.ts';
import type { Job, Kept } from '../execute.ts';
import { oneLine, shellWord, UsageError } from '../outcome.ts';
import { isSwarm, kindOf, type Root, rootAt } from './root-state.ts';

/** `root`: as it was left. */
export type PastJob = Omit<Job, 'start'> &
  Required<Pick<Job, 'past'>> & {
    readonly root: Root;
    /** In a row, without progress. */
    readonly recoveries: number;
    start(runtime: Runtime): Promise<ExecutionHandle | SwarmHandle>;
  };

/** How an execution of the journal goes on; one that is paused is paused then. Throws UsageError for one that does not. */
export async function jobOf(reader: JournalReader, { name: executionId }: StreamInfo, { option }: Kept): Promise<PastJob> {
  const facts = await reader.read(executionId);
  const info = await reader.find(executionId);
  const verify = `swarmchart journal verify${option}`;
  if (!info || info.damage !== undefined) {
    const message = `Execution "${oneLine(executionId)}" is quarantined: ${oneLine(info?.damage ?? 'it is gone', 2_000)}`;
    throw new UsageError('JOURNAL_DAMAGED', message, {
      hint: `${verify}; swarmchart show ${shellWord(executionId)}${option} shows its sound facts`,
    });
  }
  const root = rootAt(facts);
  const { snapshot } = root;
  if (info.status === 'settled') {
    const hint = `swarmchart show ${shellWord(executionId)}${option}; "swarmchart rerun" does it again from a step`;
    throw new UsageError('INVALID_INPUT', `Execution "${oneLine(executionId)}" has ended: it is ${snapshot.status}`, { hint });
  }
  return {
    root,
    kind: kindOf(root),
    name: root.name,
    ...(isSwarm(snapshot) ? {} : { size: snapshot.steps.length }),
    past: { executionId, seq: facts.length, status: snapshot.status },
    recoveries: restorationOf(facts).recoveries,
    start: async (runtime) => {
      try {
        return await runtime.executions.resume(executionId);
      } catch (thrown) {
        if (!(thrown instanceof SwarmchartError)) throw thrown;
        throw new UsageError(thrown.code, `Execution "${oneLine(executionId)}" cannot go on: ${thrown.message}`, { cause: thrown });
      }
    },
  };
}

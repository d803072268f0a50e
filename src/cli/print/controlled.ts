/** What became of a command about an execution. */

import type { Asked } from '../control/live-runs.ts';
import type { Action, Refusal } from '../control/protocol.ts';
import { EXIT, oneLine, shellWord } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';

const DOCUMENT_VERSION = 1;

export interface Controlled {
  readonly executionId: string;
  readonly action: Action;
  /** `cancelling`, `pausing`: it is under way in the process that runs it. */
  readonly status: 'cancelling' | 'pausing' | 'cancelled' | 'failed' | 'interrupted' | null;
  readonly process: number | null;
  readonly error: Refusal | null;
  /** For people. */
  readonly word: string;
}

const UNDER_WAY = { cancel: 'cancelling', pause: 'pausing' } as const;

/** Of a request that a live run was sent. */
export function controlledBy(asked: Exclude<Asked<'control'>, { readonly status: 'over' }>, action: Action): Controlled {
  const executionId = asked.status === 'replied' ? asked.pointer.executionId : asked.executionId;
  const id = shellWord(executionId);
  const vain = (reason: string, code: Refusal['code'] = 'CANCELLED'): Controlled => {
    const message = `${id} was not told to ${action}: ${oneLine(reason)}`;
    return { executionId, action, status: null, process: null, error: { code, message }, word: `error: ${message}` };
  };
  if (asked.status === 'silent') {
    if (!asked.mayHaveHeard) return vain(asked.reason, 'EXECUTION_FAILED');
    const message = `Whether ${id} was told to ${action} is not known: ${oneLine(asked.reason)}`;
    return { executionId, action, status: null, process: null, error: { code: 'EXECUTION_FAILED', message }, word: `error: ${message}` };
  }
  const { reply, pointer } = asked;
  if (!reply.ok) return vain(reply.error.message, reply.error.code);
  if (!reply.accepted) return vain(reply.reason ?? 'it has ended');
  const status = UNDER_WAY[action];
  return { executionId, action, status, process: pointer.pid, error: null, word: `${id} ${status}, in process ${pointer.pid}` };
}

export async function printControlled({ word, ...data }: Controlled, isJson: boolean, { stdout, stderr }: Terminal): Promise<number> {
  const accepted = data.error === null;
  if (isJson) await stdout.line(JSON.stringify({ v: DOCUMENT_VERSION, ...data, accepted }));
  else if (accepted) await stdout.line(word);
  if (!accepted) await stderr.line(word);
  return accepted ? EXIT.succeeded : EXIT.failed;
}

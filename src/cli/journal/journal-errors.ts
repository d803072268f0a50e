/** What is said when a journal cannot be used. */

import { type ErrorCode, SwarmchartError } from '../../machines/protocol/errors.ts';
import { UsageError } from '../outcome.ts';

const HINTS: Partial<Record<ErrorCode, string>> = {
  JOURNAL_LOCKED: 'wait until that process has ended',
  JOURNAL_DAMAGED: 'bring back all of its files from one copy; or --journal other.db begins a new one beside it',
  JOURNAL_FAILED: 'put that right, or name another file: --journal FILE',
  JOURNAL_VERSION: 'use the swarmchart that wrote it, or a newer one; --journal other.db begins another one',
};

/** `whenLocked`: what else can be done while another process has it. */
export function journalError(error: SwarmchartError, shown: string, whenLocked?: string): UsageError {
  const known = HINTS[error.code];
  const hint = error.code === 'JOURNAL_LOCKED' && whenLocked !== undefined ? `${known}, or ${whenLocked}` : known;
  const message = `The journal ${shown} cannot be used: ${error.message}`;
  return new UsageError(error.code, message, { cause: error, ...(hint !== undefined && { hint }) });
}

/** Runs it, and turns what the journal throws into what the user can put right. */
export async function explainingJournal<Result>(shown: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof SwarmchartError && thrown.code.startsWith('JOURNAL_')) throw journalError(thrown, shown);
    throw thrown;
  }
}

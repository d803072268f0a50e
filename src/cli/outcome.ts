/** How a command ends: its exit codes, and the error for whatever the user has to put right first. */

import type { ErrorCode, Issue } from '../machines/protocol/errors.ts';
import type { ExecutionError } from '../machines/protocol/execution.ts';

export const EXIT = { succeeded: 0, failed: 1, refused: 2, waiting: 3, timedOut: 4 } as const;

/** What a timer takes at most. */
export const LONGEST_MS = 2_147_483_647;

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const satisfies Record<Signal, number>;

export const exitCodeOfSignal = (signal: Signal): number => 128 + SIGNAL_NUMBERS[signal];

/** Wrong usage, or a file that cannot be used: nothing was run. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code: ErrorCode;
  readonly issues: readonly Issue[];
  /** What to do about it, where that is known. */
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: { readonly issues?: readonly Issue[]; readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.issues = more.issues ?? [];
    this.hint = more.hint;
  }
}

export const exitCodeOfFailure = (error: ExecutionError | undefined): number => (error && isTimeout(error) ? EXIT.timedOut : EXIT.failed);

/** The limit of the whole, or a step's; of a group, when every branch that failed has timed out. */
function isTimeout({ code, context }: ExecutionError): boolean {
  if (code === 'RUN_TIMEOUT' || code === 'SWARM_TIMEOUT' || code === 'STEP_TIMEOUT') return true;
  const { branches } = (context ?? {}) as { readonly branches?: readonly { readonly code?: string }[] };
  return code === 'BRANCH_FAILED' && !!branches?.length && branches.every((branch) => branch.code === 'STEP_TIMEOUT');
}

/** One line of a text from anywhere, safe to print on a terminal. */
export function oneLine(text: string, limit = 300): string {
  const line = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what must not reach the terminal
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

/** `850 ms`, `2.5 s`, `3 min 20 s`. */
export function printDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const MINUTE_MS = 60_000;

/** To the minute, where it is long: `3 h 20 min`, `24 days`. */
export function printSpan(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS);
  if (minutes < 60) return printDuration(Math.max(0, ms));
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** A text as one word of a command, to be copied into a shell. */
export function shellWord(text: string): string {
  const word = oneLine(text, Number.POSITIVE_INFINITY);
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

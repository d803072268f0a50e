/**
 * Child processes for tools: argv only, no shell, stdin closed, a restricted environment, output bounded in size.
 *
 * A process leads its own process group. Abort, timeout and too much output end the whole group: SIGTERM, then SIGKILL
 * after a grace period. Nothing settles before the process is gone, and no member of its group outlives it.
 *
 * Failures are `SwarmchartError`s: PROCESS_FAILED, PROCESS_NOT_FOUND, STEP_TIMEOUT, OUTPUT_TOO_LARGE, CANCELLED.
 */

import { SwarmchartError } from '../machines/protocol/errors.ts';
import { cancelled, commandLine, ProcessGroup } from './process-group.ts';
import { PROCESS_DEFAULTS, type ProcessEnd, type ProcessOptions, type ProcessOutput, type RecordOptions } from './process-options.ts';

export { INHERITED_ENVIRONMENT, type ProcessEnd, type ProcessOptions, type ProcessOutput, type RecordOptions } from './process-options.ts';

/** Runs a program to its end and returns what it wrote, decoded as UTF-8. */
export async function runProcess(argv: readonly string[], options: ProcessOptions = {}): Promise<ProcessOutput> {
  const output = streamProcess(argv, options);
  const chunks: Buffer[] = [];
  for (;;) {
    const next = await output.next();
    if (next.done) return { ...next.value, stdout: Buffer.concat(chunks).toString('utf8') };
    chunks.push(next.value);
  }
}

/**
 * Streams what a program writes as records that end with a separator, decoded as UTF-8, the separator removed.
 *
 * A slow consumer slows the program. Leaving the loop early ends the program without an error. A failure is thrown
 * after the records that came before it.
 */
export async function* streamRecords(argv: readonly string[], options: RecordOptions = {}): AsyncGenerator<string, void, void> {
  const separator = options.separator ?? '\n';
  const maxRecordBytes = options.maxRecordBytes ?? PROCESS_DEFAULTS.maxRecordBytes;
  let open: Buffer[] = [];
  let openBytes = 0;
  for await (const chunk of streamProcess(argv, options)) {
    const end = chunk.lastIndexOf(separator) + 1;
    if (end > 0) {
      open.push(chunk.subarray(0, end - 1));
      yield* Buffer.concat(open).toString('utf8').split(separator);
      open = [];
      openBytes = 0;
    }
    open.push(chunk.subarray(end));
    openBytes += chunk.length - end;
    if (openBytes > maxRecordBytes) throw tooLarge(argv, `a record of more than ${maxRecordBytes} bytes`);
  }
  if (openBytes > 0) yield Buffer.concat(open).toString('utf8');
}

/** Streams what a program writes, chunk by chunk, under the same rules as `streamRecords`. Returns how it ended. */
export async function* streamProcess(argv: readonly string[], options: ProcessOptions = {}): AsyncGenerator<Buffer, ProcessEnd, void> {
  if (options.signal?.aborted) throw cancelled(argv, options.signal);
  const maxBytes = options.maxOutputBytes ?? PROCESS_DEFAULTS.maxOutputBytes;
  const group = new ProcessGroup(argv, options);
  let bytes = 0;
  try {
    for await (const chunk of group.output()) {
      bytes += chunk.length;
      if (bytes > maxBytes) group.end(tooLarge(argv, `more than ${maxBytes} bytes`));
      if (group.failure) break;
      yield chunk;
      if (group.failure) break;
    }
  } finally {
    group.leaveOutput();
    await group.closed;
  }
  return group.settle();
}

function tooLarge(argv: readonly string[], what: string): SwarmchartError {
  return new SwarmchartError('OUTPUT_TOO_LARGE', `${commandLine(argv)} wrote ${what}`, { context: { argv } });
}

/**
 * Child processes for tools: argv only, no shell, stdin closed, a restricted environment, output bounded in size.
 *
 * A process leads its own process group. Abort, timeout and too much output end the whole group: SIGTERM, then SIGKILL
 * after a grace period. Nothing settles before the process is gone, and no member of its group outlives it.
 *
 * Failures are `SwarmchartError`s: PROCESS_FAILED, PROCESS_NOT_FOUND, STEP_TIMEOUT, OUTPUT_TOO_LARGE, CANCELLED.
 */

import { cancelled, commandLine, ProcessGroup } from './process-group.ts';
import { PROCESS_DEFAULTS, type ProcessEnd, type ProcessOptions, type ProcessOutput, type RecordOptions } from './process-options.ts';
import { splitRecords, tooLarge } from './records.ts';

export { INHERITED_ENVIRONMENT, type ProcessEnd, type ProcessOptions, type ProcessOutput, type RecordOptions } from './process-options.ts';
export { splitRecords } from './records.ts';

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
  const { separator = '\n', maxRecordBytes = PROCESS_DEFAULTS.maxRecordBytes } = options;
  yield* splitRecords(streamProcess(argv, options), { separator, maxRecordBytes, source: commandLine(argv) });
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
      if (bytes > maxBytes) group.end(tooLarge(commandLine(argv), `more than ${maxBytes} bytes`));
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

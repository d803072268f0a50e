/** Bytes to records: lines, or what a program separates with NUL. */

import { SwarmchartError } from '../machines/protocol/errors.ts';

/** Yields the text before each separator, and what follows the last one unless empty. Memory: one chunk and one record. */
export async function* splitRecords(
  chunks: AsyncIterable<Buffer>,
  limits: { readonly separator: '\n' | '\0'; readonly maxRecordBytes: number; readonly source: string },
): AsyncGenerator<string, void, void> {
  const { separator, maxRecordBytes, source } = limits;
  let open: Buffer[] = [];
  let openBytes = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(separator) + 1;
    if (end > 0) {
      open.push(chunk.subarray(0, end - 1));
      yield* Buffer.concat(open).toString('utf8').split(separator);
      open = [];
      openBytes = 0;
    }
    open.push(chunk.subarray(end));
    openBytes += chunk.length - end;
    if (openBytes > maxRecordBytes) throw tooLarge(source, `a record of more than ${maxRecordBytes} bytes`);
  }
  if (openBytes > 0) yield Buffer.concat(open).toString('utf8');
}

export function tooLarge(source: string, what: string): SwarmchartError {
  return new SwarmchartError('OUTPUT_TOO_LARGE', `${source} wrote ${what}`, { context: { source } });
}

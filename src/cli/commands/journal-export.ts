/** `swarmchart journal export`: streams as lines of JSON that verify themselves. */

import { exportStreams as linesOf } from '../../runtime/journal/export.ts';
import type { JournalReader } from '../../runtime/journal/journal.ts';
import { didYouMean } from '../../runtime/workflow/suggest.ts';
import type { Kept } from '../execute.ts';
import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { toFile, type Write } from '../journal/jsonl-file.ts';
import { EXIT, oneLine, UsageError } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';

export interface ExportFlags extends ReadFlags {
  readonly out?: string;
}

export function exportStreams(asked: readonly string[], { out, ...flags }: ExportFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout, stderr } = terminal;
  return readingJournal(flags, cwd, async ({ reader, place }) => {
    for (const name of asked) if (!(await reader.find(name))) throw await unknown(reader, name, place);
    const streams = asked.length > 0 ? { streams: [...new Set(asked)] } : {};
    const write = async (print: Write): Promise<number> => {
      let count = 0;
      for await (const line of linesOf(reader, streams)) {
        await print(`${line}\n`);
        count += 1;
      }
      return count;
    };
    const count = out === undefined ? await write((line) => stdout.write(line)) : await toFile(cwd, out, 'wx', write);
    await stderr.line(`${count} lines${out === undefined ? '' : ` in ${out}`}`);
    return EXIT.succeeded;
  });
}

async function unknown(reader: JournalReader, name: string, { option }: Kept): Promise<UsageError> {
  const names: string[] = [];
  for await (const info of reader.streams()) names.push(info.name);
  const hint = `swarmchart journal list${option} shows what there is`;
  return new UsageError('INVALID_INPUT', `The journal has no stream "${oneLine(name)}".${didYouMean(name, names)}`, { hint });
}

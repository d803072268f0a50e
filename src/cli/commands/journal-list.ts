/** `swarmchart journal list`: the streams of a journal. */

import type { StreamInfo } from '../../runtime/journal/journal.ts';
import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { EXIT, oneLine, printSpan, shellWord } from '../outcome.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export interface StreamsFlags extends ReadFlags {
  readonly json?: boolean;
}

const DOCUMENT_VERSION = 1;

export function listStreams({ json, ...flags }: StreamsFlags, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  return readingJournal(flags, terminal.cwd, async ({ reader, place }) => {
    const streams: StreamInfo[] = [];
    for await (const info of reader.streams()) streams.push(info);
    if (json) await stdout.line(JSON.stringify({ v: DOCUMENT_VERSION, journal: place.path, streams: streams.map(document) }));
    else {
      const now = Date.now();
      for (const line of table([HEAD, ...streams.map((info) => row(info, now))])) await stdout.line(line);
      const damaged = streams.filter(({ damage }) => damage !== undefined);
      for (const { name, damage = '' } of damaged) await stderr.line(`${oneLine(name)} takes nothing more: ${oneLine(damage, 2_000)}`);
    }
    return EXIT.succeeded;
  });
}

const HEAD = ['STREAM', 'STATUS', 'FACTS', 'STARTED', 'CHANGED'] as const;

const row = ({ name, status, seq, startedAt, changedAt, damage }: StreamInfo, now: number): readonly string[] => [
  shellWord(name),
  damage === undefined ? status : 'quarantined',
  String(seq),
  `${printSpan(now - startedAt)} ago`,
  `${printSpan(now - changedAt)} ago`,
];

/** Every key is always there. */
const document = ({ damage = undefined, ...info }: StreamInfo): object => ({ ...info, damage: damage ?? null });

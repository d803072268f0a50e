/**
 * Streams as lines of JSON, for other programs and for keeping what a journal forgets.
 *
 * A line is one fact, with the hash that chains it to the line before of its stream. For a stream whose beginning was not cut off, these are
 * the hashes in the journal.
 */

import type { Fact } from '../../machines/protocol/facts.ts';
import { chainHash } from './durable/chain.ts';
import type { StreamVerification } from './durable/verification.ts';
import type { Journal, JournalReader, StreamInfo } from './journal.ts';

export interface ExportOptions {
  /** Names of streams. @default all */
  readonly streams?: readonly string[];
  /** Only streams that have settled, the last fact of which is older. Milliseconds since the epoch. */
  readonly settledBefore?: number;
}

/** Of a fact; or, after the sound facts of a damaged stream, what is wrong with it. */
type ExportLine =
  | { readonly stream: string; readonly seq: number; readonly hash: string; readonly fact: Fact }
  | { readonly stream: string; readonly damage: string };

/** Stream after stream, each line without its end. Names of streams that there are not are passed over. */
export async function* exportStreams(reader: JournalReader, options: ExportOptions = {}): AsyncGenerator<string> {
  for await (const info of chosen(reader, options)) yield* linesOf(reader, info);
}

/**
 * Hands each settled stream to `keep`, whole, and drops it from the journal when `keep` has resolved; ends with the first that is rejected.
 * A damaged stream stays. Returns how many streams were dropped.
 */
export async function archiveStreams(
  journal: Journal,
  keep: (lines: readonly string[]) => Promise<void>,
  { streams, settledBefore = Number.POSITIVE_INFINITY }: ExportOptions = {},
): Promise<number> {
  let archived = 0;
  for await (const info of chosen(journal, streams ? { streams, settledBefore } : { settledBefore })) {
    const lines: string[] = [];
    for await (const line of linesOf(journal, info)) lines.push(line);
    const { damage } = (await journal.find(info.name)) ?? info;
    if (damage !== undefined) continue;
    await keep(lines);
    if (await journal.drop(info.name)) archived += 1;
  }
  return archived;
}

/** Whether an export is as it was written, stream by stream. Empty lines say nothing. */
export async function* verifyExport(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<StreamVerification> {
  let current: StreamVerification & { readonly hash: string; readonly seq?: number } = { stream: '', facts: 0, hash: '' };
  for await (const text of lines) {
    if (text.trim() === '') continue;
    const line = JSON.parse(text) as ExportLine;
    if (line.stream !== current.stream) {
      if (current.facts > 0) yield verdictOf(current);
      current = { stream: line.stream, facts: 0, hash: '' };
    }
    if (current.problem !== undefined) continue;
    const problem = problemOf(line, current);
    if (problem !== undefined) current = { ...current, problem };
    else if ('fact' in line) current = { ...current, facts: current.facts + 1, hash: line.hash, seq: line.seq };
  }
  if (current.stream !== '') yield verdictOf(current);
}

function problemOf(line: ExportLine, { seq, hash }: { readonly seq?: number; readonly hash: string }): string | undefined {
  if ('damage' in line) return line.damage;
  if (seq !== undefined && line.seq !== seq + 1) return `fact ${seq + 1} is missing`;
  const isRight = chainHash(hash, line.stream, line.seq, JSON.stringify(line.fact)) === line.hash;
  return isRight ? undefined : `fact ${line.seq} is not what was written`;
}

const verdictOf = ({ stream, facts, problem }: StreamVerification): StreamVerification =>
  problem === undefined ? { stream, facts } : { stream, facts, problem };

async function* chosen(reader: JournalReader, { streams, settledBefore }: ExportOptions): AsyncGenerator<StreamInfo> {
  for await (const info of streams ? found(reader, streams) : reader.streams()) {
    const isOldEnough = settledBefore === undefined || (info.status === 'settled' && info.changedAt < settledBefore);
    if (isOldEnough) yield info;
  }
}

async function* found(reader: JournalReader, streams: readonly string[]): AsyncGenerator<StreamInfo> {
  for (const name of streams) {
    const info = await reader.find(name);
    if (info) yield info;
  }
}

async function* linesOf(reader: JournalReader, { name }: StreamInfo): AsyncGenerator<string> {
  let hash = '';
  for (const fact of await reader.read(name)) {
    const { seq } = fact;
    hash = chainHash(hash, name, seq, JSON.stringify(fact));
    yield JSON.stringify({ stream: name, seq, hash, fact } satisfies ExportLine);
  }
  const damage = (await reader.find(name))?.damage;
  if (damage !== undefined) yield JSON.stringify({ stream: name, damage } satisfies ExportLine);
}

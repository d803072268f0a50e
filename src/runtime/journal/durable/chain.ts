/** The chain of a stream: the hash of a row covers the row and, through the hash before it, all rows before. */

import { hash } from 'node:crypto';
import { type FactRow, isDamage, type Mark, type StoredStream, type StoreReader } from './fact-store.ts';
import type { Pace } from './pace.ts';

/** SHA-256, of the hash before it and of all that is said of a fact. */
export const chainHash = (before: string, stream: string, seq: number, body: string): string =>
  hash('sha256', `${before}\n${stream}\n${seq}\n${body}`, 'base64url');

/** How far a stream is sound, and what is wrong after that. */
export interface Verdict {
  readonly sound: Mark;
  /** How many of its facts are there and sound. */
  readonly facts: number;
  readonly problem?: string;
}

/** Rows that are read at once. */
const PAGE = 500;

interface Verification {
  readonly onSound?: (row: FactRow) => void;
  /** Up to where it is known to be sound already. @default nothing is known */
  readonly since?: (stream: StoredStream) => Mark | undefined;
}

/** Reads all rows of a stream and holds them against each other, against the head and against what was noted when its status changed. */
export async function verifyStream(
  reader: StoreReader,
  stream: StoredStream,
  head: Mark | undefined,
  paced: Pace,
  { onSound = () => undefined, since = () => undefined }: Verification = {},
): Promise<Verdict> {
  let sound = since(stream) ?? stream.cut;
  const until = (problem?: string): Verdict => {
    const verdict = { sound, facts: sound.seq - stream.cut.seq };
    return problem === undefined ? verdict : { ...verdict, problem };
  };
  const isAsNoted = ({ seq, hash: found }: Mark): boolean =>
    (seq !== head?.seq || found === head.hash) && (seq !== stream.seq || found === stream.hash);
  try {
    for (let rows: readonly FactRow[] | undefined; rows === undefined || rows.length === PAGE; ) {
      rows = reader.facts(stream.id, sound.seq, PAGE);
      for (const row of rows) {
        const seq = sound.seq + 1;
        if (row.seq !== seq) return until(`fact ${seq} is missing`);
        if (chainHash(sound.hash, stream.name, seq, row.body) !== row.hash) return until(`fact ${seq} is not what was written`);
        if (!isAsNoted(row)) return until(`fact ${seq} is not the one whose commit was noted`);
        sound = { seq, hash: row.hash };
        onSound(row);
      }
      await paced(rows.length + 1);
    }
  } catch (thrown) {
    return until(`fact ${sound.seq + 1} cannot be read: ${damageIn(thrown)}`);
  }
  const noted = Math.max(head?.seq ?? 0, stream.seq);
  if (noted > sound.seq) return until(`it ends with fact ${sound.seq}, but ${noted} were committed`);
  return until();
}

/** The same, of a stream by its name, while somebody may cut or drop it: what looks like a gap is looked at again. Undefined for none. */
export async function verifyNamed(
  reader: StoreReader,
  name: string,
  head: Mark | undefined,
  paced: Pace,
  more?: Verification,
): Promise<Verdict | undefined> {
  const stream = reader.find(name);
  if (!stream) return undefined;
  const verdict = await verifyStream(reader, stream, head, paced, more);
  const now = verdict.problem === undefined ? stream : reader.find(name);
  if (now?.id === stream.id && now.cut.seq === stream.cut.seq) return verdict;
  return verifyNamed(reader, name, head, paced, more);
}

/** Holds only the last row of a stream against what was noted: enough where the rest is verified before it is used. */
export function verifyEnd(reader: StoreReader, stream: StoredStream, noted: Mark): string | undefined {
  try {
    const end = reader.lastFact(stream.id) ?? stream.cut;
    if (end.seq < noted.seq) return `it ends with fact ${end.seq}, but ${noted.seq} were committed`;
    if (end.seq === noted.seq && end.hash !== noted.hash) return `fact ${end.seq} is not the one whose commit was noted`;
    return undefined;
  } catch (thrown) {
    return `its last fact cannot be read: ${damageIn(thrown)}`;
  }
}

/** What a store says of a damaged part of it. Throws what says something else. */
function damageIn(thrown: unknown): string {
  if (isDamage(thrown)) return thrown.message;
  throw thrown;
}

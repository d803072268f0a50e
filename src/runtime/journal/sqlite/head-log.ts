/**
 * The heads of the streams, in a file beside the database: SQLite drops a damaged end of its write-ahead log without a word, and this is
 * how that is found out.
 *
 * One line for the file, then one for each stream in each commit, every one with its own checksum. The last line of a stream counts; a line
 * that is torn or damaged does not, which leaves the stream's head behind and never ahead.
 */

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Head } from '../durable/fact-store.ts';

export interface HeadLogContents {
  readonly journalId: string;
  readonly position: number;
  readonly heads: ReadonlyMap<string, Head>;
}

const KIND = 'swarmchart-heads';
const VERSION = 1;
const SMALLEST_COMPACTION = 1_000_000;
const GROWTH = 4;

const lineOf = (content: unknown): string => {
  const text = JSON.stringify(content);
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
};
const headLine = ({ name, seq, hash, position }: Head): string => lineOf([name, seq, hash, position]);

function contentOf(line: string): readonly unknown[] | undefined {
  const text = line.slice(9);
  if (line.length < 10 || line.slice(0, 8) !== crc32(text).toString(16).padStart(8, '0')) return undefined;
  return JSON.parse(text) as readonly unknown[];
}

/** Undefined for what is no log of heads. Throws what the system says, ENOENT among it. */
export function readHeadLog(path: string): HeadLogContents | undefined {
  const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n');
  const [kind, version, journalId, start] = contentOf(first) ?? [];
  if (kind !== KIND || version !== VERSION) return undefined;
  const heads = new Map<string, Head>();
  let highest = start as number;
  for (const line of lines) {
    const [name, seq, hash, position] = (contentOf(line) ?? []) as [string?, number?, string?, number?];
    if (name === undefined || seq === undefined || hash === undefined || position === undefined) continue;
    highest = Math.max(highest, position);
    if (seq === 0) heads.delete(name);
    else heads.set(name, { name, seq, hash, position, isFinal: false });
  }
  return { journalId: journalId as string, position: highest, heads };
}

/** The side that writes; begins with `rewrite`. */
export class HeadLog {
  readonly #path: string;
  readonly #journalId: string;
  readonly #heads = new Map<string, Head>();
  #file: number | undefined;
  #position = 0;
  #size = 0;
  #sizeWhenRewritten = 0;
  #isSynced = true;
  #separator = '';

  constructor(path: string, journalId: string) {
    this.#path = path;
    this.#journalId = journalId;
  }

  get hasGrown(): boolean {
    return this.#size > Math.max(SMALLEST_COMPACTION, GROWTH * this.#sizeWhenRewritten);
  }

  /** Takes the place of the log that is there, if any, at once. */
  rewrite(heads: Iterable<Head>, position: number): void {
    const text = [lineOf([KIND, VERSION, this.#journalId, position])];
    const kept = [...heads];
    for (const head of kept) text.push(headLine(head));
    const bytes = Buffer.from(text.join(''));
    const temporary = `${this.#path}.new`;
    const file = openSync(temporary, 'w');
    try {
      writeAll(file, bytes, 0);
      fsyncSync(file);
      renameSync(temporary, this.#path);
      syncFolder(dirname(this.#path));
    } catch (thrown) {
      closeSync(file);
      rmSync(temporary, { force: true });
      throw thrown;
    }
    this.#begin(file, kept, position, bytes.length);
  }

  /** Adds to the log that is there, which says what these heads say. */
  goOn(heads: readonly Head[], position: number): void {
    const file = openSync(this.#path, 'r+');
    const { size } = fstatSync(file);
    this.#begin(file, heads, position, size);
    // Its last line may be torn: the next one must not be glued to it.
    this.#separator = '\n';
  }

  #begin(file: number, heads: readonly Head[], position: number, size: number): void {
    this.close();
    this.#file = file;
    this.#heads.clear();
    for (const head of heads) this.#heads.set(head.name, head);
    this.#position = position;
    this.#size = size;
    this.#sizeWhenRewritten = size;
    this.#isSynced = true;
    this.#separator = '';
  }

  /** @param areRowsSafe All rows are in the database proper: heads of streams to which nothing more is added are needed no longer. */
  compact(areRowsSafe: boolean): void {
    const heads = [...this.#heads.values()];
    this.rewrite(areRowsSafe ? heads.filter(({ isFinal }) => !isFinal) : heads, this.#position);
  }

  /** All or none. A head with number 0 says that the stream is gone. */
  append(heads: readonly Head[]): void {
    const bytes = Buffer.from(this.#separator + heads.map(headLine).join(''));
    try {
      writeAll(this.#open, bytes, this.#size);
    } catch (thrown) {
      ftruncateSync(this.#open, this.#size);
      throw thrown;
    }
    this.#size += bytes.length;
    this.#separator = '';
    this.#isSynced = false;
    for (const head of heads) {
      this.#position = Math.max(this.#position, head.position);
      if (head.seq === 0) this.#heads.delete(head.name);
      else this.#heads.set(head.name, head);
    }
  }

  sync(): void {
    if (this.#isSynced) return;
    fdatasyncSync(this.#open);
    this.#isSynced = true;
  }

  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
  }

  get #open(): number {
    if (this.#file === undefined) throw new Error(`The log of heads "${this.#path}" is not open`);
    return this.#file;
  }
}

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written, bytes.length - written, at + written);
}

/** A rename is safe when its folder is. Windows cannot, and need not, do that. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

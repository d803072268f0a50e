/** What a crash and a bad disk do to the files of a journal. */

import { copyFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

export const walOf = (path: string): string => `${path}-wal`;
export const headsOf = (path: string): string => `${path}.heads`;

/** The files of a journal that is open, as a process that is killed now leaves them. */
export function crashedCopyOf(path: string): string {
  const copy = join(temporaryFolder(), basename(path));
  for (const suffix of ['', '-wal', '.heads']) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
  return copy;
}

/** Every file of a journal that says something, with its content. */
export function contentsOf(path: string): Readonly<Record<string, string>> {
  const names = readdirSync(dirname(path)).filter((name) => !/-shm$|\.lock$|\.holder$/.test(name));
  const contents = names.map((name) => [name, readFileSync(join(dirname(path), name)).toString('base64')] as const);
  return Object.fromEntries(contents.filter(([name, content]) => content !== '' || !name.endsWith('-wal')));
}

/** Turns one bit at a place; from the end for a negative one. */
export function flipBit(path: string, place: number): void {
  const bytes = readFileSync(path);
  const at = place < 0 ? bytes.length + place : place;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
}

/** Turns one bit in the middle of a text that the file holds. */
export function flipBitIn(path: string, text: string): void {
  const at = readFileSync(path).lastIndexOf(text);
  if (at < 0) throw new Error(`"${text}" is not in ${path}`);
  flipBit(path, at + Math.floor(text.length / 2));
}

/** The last bytes never reached the disk. */
export const tearOff = (path: string, bytes: number): void => truncateSync(path, readFileSync(path).length - bytes);

/** A file that lines are written to. */

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../outcome.ts';

/** Of a text with its line ends. */
export type Write = (text: string) => Promise<unknown>;

/** `wx`: of a file that is not there yet; `a`: at its end. What was written is on the disk when `sync` resolves, and at the end. */
export async function toFile<Result>(
  cwd: string,
  name: string,
  flag: 'wx' | 'a',
  work: (write: Write, sync: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  try {
    await using file = await open(resolve(cwd, name), flag, 0o600);
    const sync = () => file.sync();
    const result = await work((text) => file.appendFile(text), sync);
    await sync();
    return result;
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw thrown;
    const said = code === 'EEXIST' ? `There is a file ${name} already` : `${name} cannot be written: ${message}`;
    throw new UsageError('INVALID_INPUT', said, { cause: thrown });
  }
}

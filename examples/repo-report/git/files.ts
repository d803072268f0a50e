/** Output files: whole or not there at all. */

import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SwarmchartError } from 'swarmchart';

/** Creates a folder and its parents. Throws INVALID_INPUT where that is impossible. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeEach(folder);
  } catch (error) {
    throw new SwarmchartError('INVALID_INPUT', `Cannot write to the folder ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

/** Not `mkdir`'s own `recursive`: that one never ends where a folder that exists takes no folders, as in `/proc`. */
async function makeEach(folder: string): Promise<void> {
  const refusal = await makeOne(folder);
  if (!refusal) return;
  const parent = dirname(folder);
  if (refusal.code !== 'ENOENT' || parent === folder) throw refusal;
  await makeEach(parent);
  const second = await makeOne(folder);
  if (second) throw second;
}

/** Why there is no such folder now; undefined when there is. */
async function makeOne(folder: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(folder);
  } catch (error) {
    const isThere = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) return error as NodeJS.ErrnoException;
  }
  return undefined;
}

export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`;
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Output files: whole or not there at all. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { SwarmchartError } from 'swarmchart';

/** Creates a folder and its parents. Throws INVALID_INPUT where that is impossible. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new SwarmchartError('INVALID_INPUT', `Cannot write to the folder ${folder}: ${(error as Error).message}`, { cause: error });
  }
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

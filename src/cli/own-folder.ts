/** The folder that the command line keeps its things in, within the one it works in. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const OWN_FOLDER = '.swarmchart';

/** Makes it, and has git ignore it. What is in its `.gitignore` already stays. Rejects when it cannot be written. */
export async function prepareFolder(cwd: string): Promise<void> {
  const folder = join(cwd, OWN_FOLDER);
  await makePrivateFolder(folder);
  await unlessThere(writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' }));
}

/** For the user alone. In a folder that is there: to make all of them, Node tries for ever where the system takes none, such as in /proc. */
export const makePrivateFolder = (folder: string): Promise<void> => unlessThere(mkdir(folder, { mode: 0o700 }));

async function unlessThere(made: Promise<void>): Promise<void> {
  try {
    await made;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

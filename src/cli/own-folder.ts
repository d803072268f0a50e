/** The folder that the command line keeps its things in, within the one it works in. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const OWN_FOLDER = '.swarmchart';

/** Makes it, and has git ignore it. What is in its `.gitignore` already stays. Rejects when it cannot be written. */
export async function prepareFolder(cwd: string): Promise<void> {
  const folder = join(cwd, OWN_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../../examples/repo-report/git/files.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'files-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('makeFolder', () => {
  it('makes a folder with its parents, and is content with one that is there', async () => {
    const folder = join(home, 'a', 'b', 'c');
    await Promise.all([makeFolder(folder), makeFolder(folder)]);
    await makeFolder(folder);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it('refuses a file in the place of the folder or of a parent', async () => {
    const file = join(home, 'file');
    await writeFile(file, '');
    await expect(makeFolder(file)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(makeFolder(join(file, 'below', 'it'))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it.runIf(existsSync('/proc/self'))('ends where a folder takes no folders', async () => {
    await expect(makeFolder('/proc/nothing/.work')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { prepareFolder } from '../../src/cli/own-folder.ts';

function workingFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'swarmchart-own-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('the folder of the command line', () => {
  it('is ignored by git, unless somebody has said otherwise', async () => {
    const cwd = workingFolder();
    const ignored = join(cwd, '.swarmchart', '.gitignore');
    await prepareFolder(cwd);
    expect(readFileSync(ignored, 'utf8')).toBe('*\n');
    writeFileSync(ignored, '');
    await prepareFolder(cwd);
    expect(readFileSync(ignored, 'utf8')).toBe('');
  });

  // Node's own way to make folders goes on for ever there.
  it.runIf(existsSync('/proc/self'))('is refused where the system takes no folders', async () => {
    await expect(prepareFolder('/proc/self')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** A journal and the process that it is in: what it loads, what keeps the process alive, and what is there after it was killed. */

import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sqlite } from '../../../../src/index.ts';
import { someFact } from '../some-facts.ts';
import { temporaryFile } from './temporary-folder.ts';

const source = (path: string) => fileURLToPath(new URL(`../../../../src/${path}`, import.meta.url));

function run(program: string) {
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', program], { encoding: 'utf8', timeout: 60_000 });
  return { code: child.status, signal: child.signal, out: child.stdout, err: child.stderr };
}

const fact = (seq: number): string =>
  `{ id: 'a#${seq}', seq: ${seq}, stream: 'a', type: 't', at: 0, executionId: 'a', swarmId: 'a', correlationId: 'a', tier: 'tier2', payload: {}, v: 1 }`;

describe('the process of a journal', () => {
  it('does not load node:sqlite before a journal is opened, and hears no warning', () => {
    const program = `
      const { sqlite } = await import(${JSON.stringify(source('index.ts'))});
      sqlite('never-opened.db');
      console.log(process.moduleLoadList.filter((name) => /sqlite/.test(name)).length);`;
    expect(run(program)).toEqual({ code: 0, signal: null, out: '0\n', err: '' });
  });

  it.each(['power', 'process'])('ends when nothing is to be committed, and not before what was appended is (%s)', async (durability) => {
    const path = temporaryFile();
    const program = `
      const { sqlite } = await import(${JSON.stringify(source('runtime/journal/sqlite/sqlite.ts'))});
      const journal = sqlite(${JSON.stringify(path)}, { durability: '${durability}' });
      await journal.open();
      journal.append('a', 0, [${fact(1)}]).then(() => console.log('committed'));`;
    expect(run(program)).toEqual({ code: 0, signal: null, out: 'committed\n', err: '' });
    const journal = sqlite(path);
    await journal.open();
    onTestFinished(() => journal.close());
    expect(await journal.read('a')).toHaveLength(1);
  });

  it('may be one that cannot write there: what is in the way is named, for whoever writes and whoever reads', async () => {
    const path = temporaryFile();
    const journal = sqlite(path);
    await journal.open();
    await journal.append('a', 0, [someFact('a', 1)]);
    await journal.close();
    const [folder, before] = [dirname(path), readdirSync(dirname(path))];
    chmodSync(folder, 0o555);
    onTestFinished(() => chmodSync(folder, 0o755));
    const program = `
      const { readJournal } = await import(${JSON.stringify(source('runtime/journal/sqlite/read-journal.ts'))});
      const { sqlite } = await import(${JSON.stringify(source('runtime/journal/sqlite/sqlite.ts'))});
      if (process.getuid() === 0) process.setuid(65534); // root may write everywhere
      const tell = ({ code, message }) => console.log(code, message);
      await sqlite(${JSON.stringify(path)}, { durability: 'process' }).open().catch(tell);
      await readJournal(${JSON.stringify(path)}).catch(tell);`;
    const { out, err } = run(program);
    expect(err).toBe('');
    expect(out.trimEnd().split('\n')).toEqual([
      `JOURNAL_FAILED The journal cannot be opened, read or closed: EACCES: permission denied, access '${folder}'`,
      `JOURNAL_FAILED The journal cannot be opened, read or closed: "${folder}" cannot be written, and reading needs a file there, too: read a copy`,
    ]);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each(['power', 'process'])('may be killed as soon as an append is acknowledged (%s)', async (durability) => {
    const path = temporaryFile();
    const program = `
      const { sqlite } = await import(${JSON.stringify(source('runtime/journal/sqlite/sqlite.ts'))});
      const journal = sqlite(${JSON.stringify(path)}, { durability: '${durability}' });
      await journal.open();
      await journal.append('a', 0, [${fact(1)}, ${fact(2)}]);
      process.kill(process.pid, 'SIGKILL');`;
    expect(run(program)).toMatchObject({ signal: 'SIGKILL', err: '' });
    const journal = sqlite(path);
    await journal.open();
    onTestFinished(() => journal.close());
    expect(await journal.read('a')).toHaveLength(2);
    expect((await journal.find('a'))?.damage).toBeUndefined();
  });
});

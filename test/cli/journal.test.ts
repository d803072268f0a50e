/** `swarmchart replay`, `rerun` and `journal`: over a journal that runs have left behind. */

import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyExport } from '../../src/runtime/journal/export.ts';
import { sqlite } from '../../src/runtime/journal/sqlite/sqlite.ts';
import { GREETING, parseLines, Workspace } from './terminal-for-test.ts';

/** A journal with so many runs of one workflow. */
async function withRuns(count: number): Promise<{ readonly space: Workspace; readonly ids: readonly string[] } & Disposable> {
  const space = new Workspace({ 'greeting.yaml': GREETING });
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { stdout } = await space.run('run', 'greeting.yaml', '--input', `name=Ada ${index}`, '--json', '--durability', 'process');
    ids.push((JSON.parse(stdout) as { readonly executionId: string }).executionId);
  }
  return { space, ids, [Symbol.dispose]: () => space[Symbol.dispose]() };
}

const listed = async (space: Workspace): Promise<readonly string[]> =>
  (
    JSON.parse((await space.run('list', '--json')).stdout) as { readonly executions: readonly { readonly executionId: string }[] }
  ).executions.map(({ executionId }) => executionId);

describe('swarmchart replay', () => {
  it('lists facts, a page at a time', async () => {
    using runs = await withRuns(1);
    const [id = ''] = runs.ids;
    const { stdout, stderr } = await runs.space.run('replay', id, '--from', '2', '--limit', '2');
    expect(stdout).toMatch(/^SEQ +AFTER +FACT +OF\n2 .* tier2\/step\/started +greet\n3 .* tier3\/execution\/started +greet\n$/);
    expect(stderr).toMatch(/^\d+ more: --from 4\nnext: swarmchart replay \w+ --to SEQ/);
    const page = JSON.parse((await runs.space.run('replay', id, '--limit', '1', '--json')).stdout) as object;
    expect(page).toMatchObject({ v: 1, executionId: id, facts: [{ seq: 1, type: 'tier2/routine/started' }], next: 2 });
  });

  it('shows what was true after one of them', async () => {
    using runs = await withRuns(1);
    const [id = ''] = runs.ids;
    const { exitCode, stdout } = await runs.space.run('replay', id, '--to', '2');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${id}  greeting after fact 2 of `);
    expect(stdout).toContain('changed: greet pending → running\n');
    expect(stdout).toMatch(/^greet +running +0 +-$/m);
    const document = JSON.parse((await runs.space.run('replay', id, '--to', '2', '--json')).stdout) as object;
    expect(document).toMatchObject({
      seq: 2,
      status: 'running',
      executions: [{ kind: 'run', snapshot: { variables: { name: 'Ada 0' } } }],
    });
  });

  it('has no fact beyond the last one', async () => {
    using runs = await withRuns(1);
    const [id = ''] = runs.ids;
    for (const option of ['--to', '--from']) {
      const { exitCode, stderr } = await runs.space.run('replay', id, option, '999');
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^error: The execution has \d+ facts, and no fact 999\nnext: swarmchart replay /);
    }
  });
});

describe('swarmchart rerun', () => {
  it('runs again from a step, and takes over what was done before it', async () => {
    using runs = await withRuns(1);
    const [id = ''] = runs.ids;
    const { exitCode, stdout, stderr } = await runs.space.run('rerun', id, '--from', 'again');
    expect([exitCode, stdout]).toEqual([0, 'Good morning, Ada 0!\n']);
    expect(stderr).toContain('again: again; taken over: greet\n');
    expect(stderr).not.toContain('started   greet');
    expect(stderr).toContain('greeting completed: 2 of 2 steps');
    expect(await listed(runs.space)).toHaveLength(2);
  });

  it('takes other inputs, read by the types of the workflow', async () => {
    using runs = await withRuns(1);
    const [id = ''] = runs.ids;
    const { stdout } = await runs.space.run('rerun', id, '--from', 'greet', '--input', 'name=Eve', '--input', 'times=3', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', result: 'Good morning, Eve!' });
    const wrong = await runs.space.run('rerun', id, '--from', 'greet', '--input', 'times=often', '--json');
    expect(wrong.exitCode).toBe(2);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ status: 'refused' });
  });

  it('refuses a step that there is none of, before anything runs', async () => {
    using runs = await withRuns(1);
    const { exitCode, stderr } = await runs.space.run('rerun', runs.ids[0] ?? '', '--from', 'agian');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('has no step "agian"');
    expect(await listed(runs.space)).toHaveLength(1);
  });
});

async function verdictsOn(lines: readonly object[]): Promise<readonly (string | undefined)[]> {
  const problems: (string | undefined)[] = [];
  for await (const { problem } of verifyExport(lines.map((line) => JSON.stringify(line)))) problems.push(problem);
  return problems;
}

describe('swarmchart journal', () => {
  it('verifies what is sound, and what is not', async () => {
    using runs = await withRuns(2);
    const [first = '', second = ''] = runs.ids;
    const sound = await runs.space.run('journal', 'verify');
    expect(sound).toMatchObject({ exitCode: 0, stdout: '' });
    expect(sound.stderr).toMatch(/^\.swarmchart\/journal\.db: 2 streams, \d+ facts, all sound\n$/);
    const file = join(runs.space.folder, '.swarmchart', 'journal.db');
    const bytes = readFileSync(file, 'latin1');
    writeFileSync(file, bytes.replaceAll('Good morning, Ada 0', 'Good morning, Eve 0'), 'latin1');
    const damaged = await runs.space.run('journal', 'verify', '--json');
    expect(damaged.exitCode).toBe(1);
    expect(JSON.parse(damaged.stdout)).toMatchObject({
      v: 1,
      sound: false,
      streams: 2,
      problems: [{ stream: first, problem: expect.stringMatching(/^fact \d+ is not what was written$/) as string }],
    });
    expect((await runs.space.run('show', first)).stdout).toContain(`workflow greeting: quarantined\n`);
    expect((await runs.space.run('list', '--status', 'quarantined')).stderr).toContain('next: swarmchart journal verify\n');
    for (const command of ['resume', 'cancel']) {
      const { exitCode, stderr } = await runs.space.run(command, first);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`error: Execution "${first}" is quarantined: fact`);
    }
    expect(await runs.space.run('show', second)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('completed') as string });
  });

  it('lists all streams', async () => {
    using runs = await withRuns(1);
    const { stdout } = await runs.space.run('journal', 'list');
    expect(stdout).toMatch(/^STREAM +STATUS +FACTS +STARTED +CHANGED\n\w{16} +settled +\d+ +[\d.]+ m?s ago +[\d.]+ m?s ago\n$/);
    const { streams } = JSON.parse((await runs.space.run('journal', 'list', '--json')).stdout) as { readonly streams: readonly object[] };
    expect(streams).toMatchObject([{ name: runs.ids[0], status: 'settled', damage: null }]);
  });

  it('exports facts to stdout or to a new file', async () => {
    using runs = await withRuns(2);
    const [first = '', second = ''] = runs.ids;
    const all = parseLines((await runs.space.run('journal', 'export')).stdout);
    expect(new Set(all.map(({ stream }) => stream))).toEqual(new Set(runs.ids));
    expect((await runs.space.run('journal', 'export', second, '--out', 'second.jsonl')).stdout).toBe('');
    const text = readFileSync(join(runs.space.folder, 'second.jsonl'), 'utf8');
    expect(parseLines(text)).toEqual(all.filter(({ stream }) => stream === second));
    expect(await runs.space.run('journal', 'export', first, '--out', 'second.jsonl')).toMatchObject({
      exitCode: 2,
      stderr: 'error: There is a file second.jsonl already\n',
    });
    expect(await runs.space.run('journal', 'export', `${first.slice(0, -1)}?`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`Did you mean "${first}"?`) as string,
    });
    renameSync(join(runs.space.folder, '.swarmchart'), join(runs.space.folder, 'kept'));
    const moved = await runs.space.run('journal', 'export', 'none', '--journal', 'kept/journal.db');
    expect(moved.stderr).toContain('next: swarmchart journal list --journal kept/journal.db shows what there is\n');
  });

  it('drops what has ended, having archived it', async () => {
    using runs = await withRuns(3);
    const [first = '', second = '', third = ''] = runs.ids;
    expect(await runs.space.run('journal', 'prune', '--older-than', '1d')).toMatchObject({ exitCode: 0, stdout: '0 executions dropped\n' });
    const pruned = await runs.space.run('journal', 'prune', '--keep', '1', '--archive', 'old.jsonl', '--json');
    expect(JSON.parse(pruned.stdout)).toMatchObject({ v: 1, dropped: 2 });
    const archived = parseLines(readFileSync(join(runs.space.folder, 'old.jsonl'), 'utf8'));
    expect(new Set(archived.map(({ stream }) => stream))).toEqual(new Set([first, second]));
    expect(await verdictsOn(archived)).toEqual([undefined, undefined]);
    expect(await listed(runs.space)).toEqual([third]);
    const verified = await runs.space.run('journal', 'verify');
    expect(verified.exitCode).toBe(0);
    expect(verified.stderr).toMatch(/^\.swarmchart\/journal\.db: 1 stream, \d+ facts, all sound\n$/);
  });

  it('drops nothing when the archive cannot be written', async () => {
    using runs = await withRuns(1);
    const { exitCode, stderr } = await runs.space.run('journal', 'prune', '--older-than', '0s', '--archive', 'no/such/folder.jsonl');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error: no/such/folder.jsonl cannot be written: ENOENT');
    expect(await listed(runs.space)).toEqual(runs.ids);
  });

  it('is not taken for new when its file is gone', async () => {
    using runs = await withRuns(1);
    const file = join(runs.space.folder, '.swarmchart', 'journal.db');
    runs.space.remove('.swarmchart/journal.db');
    for (const argv of [['list'], ['run', 'greeting.yaml', '--input', 'name=Ada'], ['journal', 'verify']]) {
      const { exitCode, stderr } = await runs.space.run(...argv);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`error: The journal .swarmchart/journal.db cannot be used: "${file}"`);
      expect(stderr).toContain('next: bring back all of its files from one copy; or --journal other.db begins a new one beside it\n');
    }
  });

  it('is no folder', async () => {
    using space = new Workspace({ 'runs/notes.txt': '', 'greeting.yaml': GREETING });
    for (const argv of [['list'], ['run', 'greeting.yaml', '--input', 'name=Ada']]) {
      expect(await space.run(...argv, '--journal', 'runs')).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: 'error: The journal runs is a folder\nnext: name a file: --journal runs/journal.db\n',
      });
    }
    expect(readdirSync(space.folder).toSorted()).toEqual(['greeting.yaml', 'runs']);
  });

  it('is not the usual one when its name is empty', async () => {
    using space = new Workspace({ 'greeting.yaml': GREETING });
    for (const argv of [['list'], ['run', 'greeting.yaml', '--input', 'name=Ada']]) {
      const { exitCode, stderr } = await space.run(...argv, '--journal', '');
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^error: --journal: "" names no file\nnext: /);
    }
    expect(readdirSync(space.folder)).toEqual(['greeting.yaml']);
  });

  it('is refused when it is none, and nothing is left beside it', async () => {
    using space = new Workspace({ 'notes.db': 'no database', 'greeting.yaml': GREETING });
    for (const argv of [['list'], ['run', 'greeting.yaml', '--input', 'name=Ada']]) {
      const { exitCode, stderr } = await space.run(...argv, '--journal', 'notes.db');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('error: The journal notes.db cannot be used:');
    }
    expect(readdirSync(space.folder).toSorted()).toEqual(['greeting.yaml', 'notes.db']);
  });

  it('is refused while this process has it open, and can be read meanwhile', async () => {
    using runs = await withRuns(1);
    const journal = sqlite(join(runs.space.folder, '.swarmchart', 'journal.db'));
    await journal.open();
    try {
      const { exitCode, stderr } = await runs.space.run('run', 'greeting.yaml', '--input', 'name=Ada');
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(new RegExp(`is being written by process ${process.pid} on .*\nnext: wait until that process has ended, or`));
      expect((await runs.space.run('journal', 'prune', '--keep', '0')).stderr).toContain('is being written by process');
      expect(await listed(runs.space)).toEqual(runs.ids);
    } finally {
      await journal.close();
    }
  });
});

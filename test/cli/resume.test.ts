/** Runs that are kept: left, looked at, and gone on with, by one command after the other. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/machines/protocol/facts.ts';
import { sqlite } from '../../src/runtime/journal/sqlite/sqlite.ts';
import { oneStep, parseLines, Workspace } from './terminal-for-test.ts';

const ASK = `id: release
steps:
  - { id: build, tool: count }
  - { id: ship, type: wait, approval: { prompt: "Ship it?" }, dependencies: [build] }
  - { id: done, tool: echo, parameters: { message: "shipped to \${ship.result}" } }
`;
/** Says how often it was called, over all processes. */
const CONFIG = `
import { appendFileSync, readFileSync } from 'node:fs';
const file = new URL('calls.log', import.meta.url);
const never = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
export default { tools: [
  { name: 'count', run: (_, { idempotencyKey }) => {
    appendFileSync(file, idempotencyKey + '\\n');
    return readFileSync(file, 'utf8').trimEnd().split('\\n').length;
  } },
  { name: 'hang', run: (_, { signal, log }) => { log.warn({}, 'hanging'); return never(signal); } },
  { name: 'undo', run: (_, { log }) => { log.warn({}, 'undone'); return null; } },
] };
`;

const workspace = (files: Readonly<Record<string, string>>): Workspace => new Workspace({ 'swarmchart.config.mjs': CONFIG, ...files });

interface Listed {
  readonly executionId: string;
  readonly name: string;
  readonly status: string;
}

async function listed(space: Workspace, ...more: readonly string[]): Promise<readonly Listed[]> {
  const { stdout } = await space.run('list', '--json', ...more);
  return (JSON.parse(stdout) as { readonly executions: readonly Listed[] }).executions;
}

/** The id of the only execution that is not over. */
async function open(space: Workspace): Promise<string> {
  const [only] = await listed(space, '--status', 'running', 'waiting', 'paused', 'interrupted');
  return only?.executionId ?? '';
}

const callsIn = (space: Workspace): readonly string[] => readFileSync(join(space.folder, 'calls.log'), 'utf8').trimEnd().split('\n');

describe('swarmchart run with a journal', () => {
  it('leaves what waits for a person in it, says so, and goes on with it there', async () => {
    using space = workspace({ 'w.yaml': ASK });
    const left = await space.run('run', 'w.yaml');
    expect(left).toMatchObject({ exitCode: 3, stdout: '' });
    const id = await open(space);
    expect(left.stderr).toMatch(new RegExp(`^run ${id}\n`));
    expect(left.stderr).toContain(`next: swarmchart resume ${id} --wait-for-people   # then it stays`);
    expect(left.stderr).toContain(`\n  swarmchart approve ${id}/ship   # or --reject, --abort;`);
    const shown = await space.run('show', id.slice(0, 6));
    expect(shown.stdout).toContain(`${id}  workflow release: waiting\n`);
    expect(shown.stdout).toContain(`asks ${id}/ship: Ship it?\n`);
    expect(shown.stderr).toBe(`next: swarmchart resume ${id} --wait-for-people\n`);

    const { terminal, exitCode } = space.start('resume', id.slice(0, 6), '--wait-for-people');
    await terminal.err.saw(`waiting   ship  swarmchart approve ${id}/ship  for a person: Ship it?`);
    expect(await listed(space)).toMatchObject([{ executionId: id, status: 'waiting', process: process.pid }]);
    expect((await space.run('approve', `${id}/ship`, '--value', 'Berlin')).exitCode).toBe(0);
    expect([await exitCode, terminal.out.text]).toEqual([0, 'shipped to Berlin\n']);
    // What is behind it is not told again.
    expect(terminal.err.text).not.toContain('build');
    expect(callsIn(space)).toEqual([`${id}/build/1`]);
    expect(await listed(space)).toMatchObject([{ executionId: id, status: 'completed', process: null }]);
  });

  it('does not stay for people when it goes on without the flag', async () => {
    using space = workspace({ 'w.yaml': ASK });
    await space.run('run', 'w.yaml');
    const { exitCode, stdout } = await space.run('resume', await open(space), '--json');
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'waiting', waitingFor: [{ stepId: 'ship' }] });
  });

  it('prints only new facts when it goes on', async () => {
    using space = workspace({ 'w.yaml': ASK });
    await space.run('run', 'w.yaml');
    const id = await open(space);
    const lines = parseLines((await space.run('resume', id, '--jsonl')).stdout);
    expect(lines.at(0)).toMatchObject({ type: 'execution/recovered' });
    expect(lines.at(-1)).toMatchObject({ type: 'result', status: 'waiting', executionId: id });
  });

  it('tells of others that have not ended, and leaves them alone', async () => {
    using space = workspace({ 'w.yaml': ASK, 'e.yaml': oneStep('echo', ', parameters: { message: hi }') });
    await space.run('run', 'w.yaml');
    const { exitCode, stderr } = await space.run('run', 'e.yaml');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('\nAnother execution in this journal has not ended: swarmchart list\n');
    expect((await listed(space)).map(({ status }) => status)).toEqual(['waiting', 'completed']);
  });

  it('has its folder to itself, ignored by git, or keeps nothing at all', async () => {
    using space = workspace({ 'e.yaml': oneStep('echo', ', parameters: { message: hi }') });
    expect(await space.run('run', 'e.yaml', '--no-journal')).toMatchObject({
      exitCode: 0,
      stderr: expect.not.stringContaining('run ') as string,
    });
    expect(existsSync(join(space.folder, '.swarmchart'))).toBe(false);
    await space.run('run', 'e.yaml');
    expect(readFileSync(join(space.folder, '.swarmchart', '.gitignore'), 'utf8')).toBe('*\n');
    space.write('.swarmchart/.gitignore', '# mine\n');
    await space.run('run', 'e.yaml', '--durability', 'process');
    expect(readFileSync(join(space.folder, '.swarmchart', '.gitignore'), 'utf8')).toBe('# mine\n');
    expect(readdirSync(join(space.folder, '.swarmchart', 'live'))).toEqual([]);
    expect(await listed(space)).toHaveLength(2);
  });

  it('is kept in another file on demand, which every next command names', async () => {
    using space = workspace({ 'w.yaml': ASK });
    const { stderr } = await space.run('run', 'w.yaml', '--journal', 'runs/my journal.db');
    expect(stderr).toMatch(/next: swarmchart resume \w+ --journal 'runs\/my journal\.db' --wait-for-people {3}#/);
    expect((await space.run('list')).stderr).toContain('There is no journal .swarmchart/journal.db yet');
    const [only] = await listed(space, '--journal', 'runs/my journal.db');
    const next = `swarmchart resume ${only?.executionId} --journal 'runs/my journal.db' --wait-for-people`;
    expect((await space.run('list', '--journal', 'runs/my journal.db')).stderr).toContain(`next: ${next}\n`);
  });
});

describe('swarmchart pause', () => {
  it('says where to go when the run was started in another folder', async () => {
    using space = workspace({ 'w.yaml': `id: w\nsteps: [{ id: rest, type: wait, duration: 600000 }]\n` });
    using elsewhere = workspace({});
    const { terminal, exitCode } = space.start('run', 'w.yaml');
    await terminal.err.saw('waiting   rest');
    const [{ executionId: id = '' } = {}] = await listed(space);
    const asked = await elsewhere.run('pause', id, '--journal', join(space.folder, '.swarmchart', 'journal.db'));
    expect(asked.exitCode).toBe(2);
    expect(asked.stderr).toContain(`next: do it in the folder where it was started; a SIGTERM has process ${process.pid} leave it, too\n`);
    terminal.signal('SIGINT');
    expect(await exitCode).toBe(130);
  });

  it('has a run leave, and it goes on when it is resumed', async () => {
    using space = workspace({ 'w.yaml': `${ASK}  - { id: rest, type: wait, duration: 600000 }\n` });
    const { terminal, exitCode } = space.start('run', 'w.yaml');
    await terminal.err.saw('waiting   rest');
    const id = await open(space);
    const paused = await space.run('pause', id.slice(0, 5), '--json');
    expect(JSON.parse(paused.stdout)).toEqual({
      v: 1,
      executionId: id,
      action: 'pause',
      status: 'pausing',
      process: process.pid,
      error: null,
      accepted: true,
    });
    expect(await exitCode).toBe(3);
    expect(terminal.err.text).toContain(`release is paused: 1 of 4 steps, 2 waiting`);
    expect(terminal.err.text).toContain(`next: swarmchart resume ${id}\n`);
    expect(await listed(space)).toMatchObject([{ status: 'paused', process: null }]);
    const again = await space.run('pause', id);
    expect(again).toMatchObject({ exitCode: 2, stdout: '' });
    expect(again.stderr).toContain(`it is paused\nnext: swarmchart resume ${id}\n`);

    const resumed = space.start('resume', id);
    await resumed.terminal.err.saw('waiting   rest  for ');
    expect(resumed.terminal.err.text).toContain('release was paused, and goes on\n');
    resumed.terminal.signal('SIGINT');
    expect(await resumed.exitCode).toBe(130);
    expect(await listed(space)).toMatchObject([{ status: 'cancelled' }]);
  });
});

describe('swarmchart cancel', () => {
  it('cancels a run that lives, in its own process', async () => {
    using space = workspace({ 'w.yaml': oneStep('hang') });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--json');
    await terminal.err.saw('hanging');
    const id = await open(space);
    expect(await space.run('cancel', id, '--reason', 'wrong input')).toEqual({
      exitCode: 0,
      stdout: `${id} cancelling, in process ${process.pid}\n`,
      stderr: '',
    });
    expect(await exitCode).toBe(1);
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'cancelled', error: { context: { reason: 'wrong input' } } });
  });

  it('cancels one that nobody runs, and what it did is undone', async () => {
    const steps =
      '  - { id: book, tool: count, compensate: { tool: undo } }\n  - { id: ask, type: wait, approval: true, dependencies: [book] }\n';
    using space = workspace({ 'w.yaml': `id: trip\nsteps:\n${steps}` });
    await space.run('run', 'w.yaml');
    const id = await open(space);
    const { exitCode, stdout, stderr } = await space.run('cancel', id, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ v: 1, executionId: id, action: 'cancel', status: 'cancelled', accepted: true, error: null });
    expect(stderr).toContain('warn: undone');
    expect(callsIn(space)).toHaveLength(1);
    expect(await listed(space)).toMatchObject([{ status: 'cancelled' }]);
    const late = await space.run('cancel', id);
    expect(late).toMatchObject({ exitCode: 2, stdout: '' });
    expect(late.stderr).toContain(`error: Execution "${id}" has ended: it is cancelled\n`);
  });

  it('does not begin again what it cancels', async () => {
    using space = workspace({ 'w.yaml': ASK.replace('tool: count', 'type: wait, duration: 600000') });
    const { terminal, exitCode } = space.start('run', 'w.yaml');
    await terminal.err.saw('waiting   build');
    terminal.signal('SIGTERM');
    expect(await exitCode).toBe(143);
    expect((await space.run('cancel', await open(space))).exitCode).toBe(0);
    expect(existsSync(join(space.folder, 'calls.log'))).toBe(false);
  });
});

describe('swarmchart resume --all', () => {
  it('goes on with all that have not ended side by side, but for what is paused', async () => {
    const rest = (id: string) =>
      `id: ${id}\nsteps: [{ id: rest, type: wait, duration: 300 }, { id: count, tool: count, dependencies: [rest] }]\n`;
    using space = workspace({ 'a.yaml': rest('a'), 'b.yaml': rest('b'), 'w.yaml': ASK });
    for (const file of ['a.yaml', 'b.yaml']) {
      const { terminal, exitCode } = space.start('run', file);
      await terminal.err.saw('waiting   rest');
      terminal.signal('SIGTERM');
      await exitCode;
    }
    await space.run('run', 'w.yaml');
    const { exitCode, stdout, stderr } = await space.run('resume', '--all', '--json');
    expect(exitCode).toBe(3);
    const { executions } = JSON.parse(stdout) as { readonly executions: readonly object[] };
    expect(executions).toMatchObject([
      { workflow: 'a', status: 'completed' },
      { workflow: 'b', status: 'completed' },
      { workflow: 'release', status: 'waiting', waitingFor: [{ stepId: 'ship' }] },
    ]);
    const [{ executionId: first = '' } = {}] = await listed(space);
    expect(stderr).toMatch(new RegExp(`^${first} {2}completed count`, 'm'));
    expect(callsIn(space)).toHaveLength(3);
    expect((await space.run('resume', '--all')).stdout).toMatch(/^ID +NAME +STATUS\n\w+ +release +waiting\n$/);
  });

  /** A run that waits a moment, and is left; as one that was recovered so often without progress when its process ended at work. */
  async function leftAfter(space: Workspace, name: string, recoveries: number): Promise<void> {
    space.write(
      `${name}.yaml`,
      `id: ${name}\nsteps: [{ id: rest, type: wait, duration: 300 }, { id: count, tool: count, dependencies: [rest] }]\n`,
    );
    const run = space.start('run', `${name}.yaml`);
    await run.terminal.err.saw('waiting   rest');
    run.terminal.signal('SIGTERM');
    await run.exitCode;
    const id = (await listed(space)).at(-1)?.executionId ?? '';
    const journal = sqlite(join(space.folder, '.swarmchart', 'journal.db'));
    await journal.open();
    const facts = await journal.read(id);
    const seq = facts.length + 1;
    const type = 'execution/recovered';
    // Since then it has done nothing, which makes it one less.
    const payload = { recoveries: recoveries + 1 };
    await journal.append(id, facts.length, [{ ...(facts.at(-1) as Fact), id: `${id}#${seq}`, seq, type, payload }]);
    await journal.close();
  }

  it('goes on alone with what was at work whenever its process ended, after all others', async () => {
    using space = workspace({});
    await leftAfter(space, 'often', 9);
    await leftAfter(space, 'seldom', 3);
    await leftAfter(space, 'never', 0);
    const { exitCode, stderr } = await space.run('resume', '--all');
    expect(exitCode).toBe(0);
    const names = Object.fromEntries((await listed(space)).map(({ executionId, name }) => [executionId, name]));
    const completed = [...stderr.matchAll(/^(\w+) {2}completed count/gm)].map(([, id = '']) => names[id]);
    expect(completed).toEqual(['never', 'seldom', 'often']);
  });

  it('gives up what was recovered too often without progress, which goes on when it is named', async () => {
    using space = workspace({});
    await leftAfter(space, 'poison', 10);
    const { exitCode, stderr } = await space.run('resume', '--all');
    expect(exitCode).toBe(0);
    const id = (await listed(space)).at(-1)?.executionId ?? '';
    expect(stderr).toContain(`Given up after 10 recoveries without progress: ${id}. next: swarmchart resume ${id}\n`);
    expect((await listed(space)).map(({ status }) => status)).toEqual(['dead']);
    expect((await space.run('resume', id)).exitCode).toBe(0);
  });

  it('has nothing to do where all has ended', async () => {
    using space = workspace({ 'e.yaml': oneStep('echo', ', parameters: { message: hi }') });
    await space.run('run', 'e.yaml');
    expect(await space.run('resume', '--all')).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: 'Nothing in the journal is to go on by itself: swarmchart list\n',
    });
    const { exitCode, stdout } = await space.run('resume', '--all', '--json');
    expect([exitCode, JSON.parse(stdout)]).toEqual([0, { v: 1, executions: [] }]);
  });

  it('names the journal in which it has nothing to do', async () => {
    using space = workspace({ 'e.yaml': oneStep('echo', ', parameters: { message: hi }') });
    await space.run('run', 'e.yaml', '--journal', 'other.db');
    const { stderr } = await space.run('resume', '--all', '--journal', 'other.db');
    expect(stderr).toBe('Nothing in the journal is to go on by itself: swarmchart list --journal other.db\n');
  });
});

describe('a swarm that is kept', () => {
  const CREW = `id: crew
goal: Ship it
agents: [{ id: ada, capabilities: [shipping] }]
tasks:
  - id: build
    description: Build
    requiredCapabilities: [shipping]
    tool: count
  - id: ship
    description: Ship
    requiredCapabilities: [shipping]
    dependencies: [build]
    steps: [{ id: ask, type: wait, approval: { prompt: "Ship it?" } }, { id: done, tool: echo, parameters: { message: "to \${ask.result}" } }]
`;

  it('is shown by its tasks, goes on with them, and is answered for', async () => {
    using space = workspace({ 's.yaml': CREW });
    expect((await space.run('run', 's.yaml')).exitCode).toBe(3);
    const id = await open(space);
    const shown = await space.run('show', id);
    expect(shown.stdout).toContain(`${id}  swarm crew: waiting\n`);
    expect(shown.stdout).toMatch(/^build +completed +ada +[\d.]+ m?s +1$/m);
    expect(shown.stdout).toMatch(new RegExp(`^asks ${id}/ship/1/ask: Ship it\\?$`, 'm'));
    const { terminal, exitCode } = space.start('resume', id, '--wait-for-people', '--json');
    await terminal.err.saw(`waiting   ship/ask  swarmchart approve ${id}/ship/1/ask  for a person: Ship it?\n`);
    expect((await space.run('approve', `${id}/ship/1/ask`, '--value', 'Berlin')).exitCode).toBe(0);
    expect(await exitCode).toBe(0);
    expect(JSON.parse(terminal.out.text)).toMatchObject({
      status: 'completed',
      swarm: 'crew',
      result: { tasks: { build: 1, ship: 'to Berlin' } },
    });
    expect(callsIn(space)).toHaveLength(1);
  });
});

describe('what nobody runs', () => {
  it('is told of by approve, which cannot answer for it', async () => {
    using space = workspace({ 'w.yaml': ASK });
    await space.run('run', 'w.yaml');
    const id = await open(space);
    expect((await space.run('approve')).stderr).toContain('1 more waits, and nobody runs it: swarmchart list --status waiting\n');
    expect(await space.run('approve', `${id}/ship`)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `error: Nobody runs ${id} at present\nnext: swarmchart resume ${id} --wait-for-people, then answer again\n`,
    });
  });

  it('is left in the journal by what user code throws past everybody', async () => {
    using space = workspace({ 'w.yaml': oneStep('hang') });
    const { terminal, exitCode } = space.start('run', 'w.yaml');
    await terminal.err.saw('hanging');
    terminal.stray(new Error('from a timer'), false);
    expect(await exitCode).toBe(1);
    const id = await open(space);
    expect(terminal.err.text).toContain(`The run is left in the journal: swarmchart resume ${id}\nerror: from a timer\n`);
    expect(await listed(space)).toMatchObject([{ status: 'interrupted' }]);
  });

  it('cannot go on without its tools, and stays as it is', async () => {
    using space = workspace({ 'w.yaml': oneStep('hang') });
    const { terminal, exitCode } = space.start('run', 'w.yaml');
    await terminal.err.saw('hanging');
    terminal.signal('SIGTERM');
    terminal.signal('SIGTERM');
    expect(await exitCode).toBe(143);
    space.write('empty.mjs', 'export default {};\n');
    const id = await open(space);
    for (const argv of [
      ['resume', id],
      ['rerun', id, '--from', 'only'],
    ]) {
      const { exitCode: code, stdout, stderr } = await space.run(...argv, '--config', 'empty.mjs', '--json');
      expect([code, JSON.parse(stdout)]).toMatchObject([2, { status: 'refused', error: { code: 'TOOL_NOT_FOUND' } }]);
      expect(stderr).toContain('error: one calls what the configuration does not have: tool "hang"\nnext: use the configuration');
    }
    const all = await space.run('resume', '--all', '--config', 'empty.mjs');
    expect(all.stderr).toContain('Left as they are: 1 without its tools in the configuration. swarmchart list\n');
    expect(await listed(space)).toMatchObject([{ status: 'interrupted' }]);
    // Nothing of it has to be undone.
    expect((await space.run('cancel', id, '--config', 'empty.mjs')).exitCode).toBe(0);
  });
});

describe('wrong usage', () => {
  it.each([
    ['resume', []],
    ['resume', ['abc', '--all']],
    ['show', []],
    ['cancel', []],
    ['replay', ['abc', '--to', '0']],
    ['replay', ['abc', '--to', '3', '--from', '2']],
    ['list', ['--status', 'lost']],
    ['list', ['--limit', 'many']],
    ['rerun', ['abc']],
    ['journal', ['prune']],
    ['journal', ['prune', '--older-than', '3 weeks']],
    ['journal', ['burn']],
    ['run', ['w.yaml', '--durability', 'none']],
  ])('of %s %j ends with 2', async (command, more) => {
    using space = workspace({});
    expect(await space.run(command, ...more)).toMatchObject({ exitCode: 2, stdout: '' });
    expect(existsSync(join(space.folder, '.swarmchart'))).toBe(false);
  });

  it.each([
    'list',
    'show abc',
    'replay abc',
    'resume abc',
    'resume --all',
    'cancel abc',
    'pause abc',
    'rerun abc --from x',
    'journal verify',
    'journal list',
    'journal export',
    'journal prune --keep 1',
  ])('there is no journal yet for %s, and none is made', async (line) => {
    using space = workspace({});
    const { exitCode, stdout, stderr } = await space.run(...line.split(' '));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe(
      'error: There is no journal .swarmchart/journal.db yet\nnext: swarmchart run FILE makes one; --journal FILE names another\n',
    );
    expect(existsSync(join(space.folder, '.swarmchart'))).toBe(false);
  });
});

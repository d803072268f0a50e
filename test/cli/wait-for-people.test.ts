/** Runs that stay for people's answers, and the answers: in one process, and from one process to another. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Command } from './command-for-test.ts';
import { oneStep, type Recorder, Workspace } from './terminal-for-test.ts';

const ask = (id: string, prompt: string, more = ''): string => `  - { id: ${id}, type: wait, approval: { prompt: "${prompt}" }${more} }\n`;
const RELEASE = `id: release
steps:
${ask('ship', 'Ship it?')}  - { id: done, tool: echo, parameters: { message: "shipped to \${ship.result}" } }
`;
const TWICE = `id: twice\nsteps:\n${ask('first', 'One?')}${ask('second', 'Two?', ', dependencies: [first]')}`;
const FAIL_ONCE = `let calls = 0;
const run = () => { calls += 1; if (calls < 2) throw new Error('out of paper'); return calls; };
export default { tools: [{ name: 'fail', run }] };
`;
const FAIL = `export default { tools: [{ name: 'fail', run: () => { throw new Error('out of paper'); } }] };\n`;
const ESCALATE = oneStep('fail', ', fallbacks: [{ action: escalate-to-human }]');

const LIVE = join('.swarmchart', 'live');
const filesIn = (space: Workspace): readonly string[] => readdirSync(join(space.folder, LIVE));

interface Listing {
  readonly waiting: readonly { readonly id: string; readonly executionId: string; readonly kind: string; readonly prompt: string }[];
  readonly runs: readonly { readonly name: string; readonly pid: number }[];
  readonly over: readonly object[];
}

const listing = async (space: Workspace): Promise<Listing> => JSON.parse((await space.run('approve', '--json')).stdout) as Listing;

/** The id in the command that a run's progress names for a step or a norm. */
async function asked(output: Pick<Recorder, 'heard' | 'text'>, subject: string): Promise<string> {
  const pattern = new RegExp(`swarmchart approve (\\S+/${subject})\\b`);
  for (;;) {
    const [, id] = pattern.exec(output.text) ?? [];
    if (id !== undefined) return id;
    await output.heard();
  }
}

describe('swarmchart run --wait-for-people', () => {
  it('stays until it is answered, goes on with the answer, and ends as usual', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people');
    const id = await asked(terminal.err, 'ship');
    expect((await listing(space)).waiting).toMatchObject([{ id, kind: 'approval', prompt: 'Ship it?' }]);
    expect(await space.run('approve', id, '--value', 'Berlin')).toMatchObject({ exitCode: 0, stdout: `${id} approved\n` });
    expect(await exitCode).toBe(0);
    expect(terminal.out.text).toBe('shipped to Berlin\n');
    expect(terminal.err.text).toContain(`waiting   ship  swarmchart approve ${id}  for a person: Ship it?\n`);
    expect(filesIn(space)).toEqual([]);
  });

  it('fails when the answer is no', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people', '--json');
    expect((await space.run('approve', await asked(terminal.err, 'ship'), '--reject', '--by', 'ann')).exitCode).toBe(0);
    expect(await exitCode).toBe(1);
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'failed', error: { code: 'REJECTED_BY_HUMAN' } });
  });

  it('is cancelled when a person aborts it', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people', '--json');
    expect((await space.run('approve', await asked(terminal.err, 'ship'), '--abort')).exitCode).toBe(0);
    expect(await exitCode).toBe(1);
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'cancelled' });
  });

  it('tries again what a person says shall be tried again', async () => {
    using space = new Workspace({ 'w.yaml': ESCALATE, 'swarmchart.config.mjs': FAIL_ONCE });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people');
    const id = await asked(terminal.err, 'only');
    expect((await listing(space)).waiting).toMatchObject([{ id, kind: 'step', prompt: expect.stringContaining('out of paper') as string }]);
    expect((await space.run('approve', id, '--retry')).exitCode).toBe(0);
    expect(await exitCode).toBe(0);
    expect(terminal.out.text).toBe('2\n');
  });

  it('answers for a step within steps', async () => {
    const body = 'steps: [{ id: ask, type: wait, approval: true }]';
    using space = new Workspace({ 'w.yaml': `id: w\nsteps:\n  - { id: each, type: map, over: [a], ${body} }\n` });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people');
    const id = await asked(terminal.err, 'ask');
    expect(id).toMatch(/\/each\/1\/each:0\/1\/ask$/);
    expect((await space.run('approve', id)).exitCode).toBe(0);
    expect(await exitCode).toBe(0);
  });

  it('says that an answer comes late, while the run lives', async () => {
    using space = new Workspace({ 'w.yaml': TWICE });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people');
    const first = await asked(terminal.err, 'first');
    const both = await Promise.all(['ann', 'bob'].map((by) => space.run('approve', first, '--by', by)));
    expect(both.map((one) => one.exitCode).sort()).toEqual([0, 1]);
    const second = await asked(terminal.err, 'second');
    const late = await space.run('approve', first, '--reject');
    expect(late.exitCode).toBe(1);
    expect(late.stderr).toMatch(/was not answered: it was answered already: approve by (ann|bob)\n$/);
    await space.run('approve', second);
    expect(await exitCode).toBe(0);
  });

  it('takes answers only in the role that is asked for, and of as many people', async () => {
    const text = `id: w\nsteps: [{ id: ship, type: wait, approval: { prompt: "Ship it?", role: clerk, quorum: 2 } }]\n`;
    using space = new Workspace({ 'w.yaml': text });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people');
    const id = await asked(terminal.err, 'ship');
    const stranger = await space.run('approve', id, '--by', 'ann');
    expect(stranger.exitCode).toBe(2);
    expect(stranger.stderr).toMatch(/^error: .* needs another role\nnext: swarmchart approve lists what waits, and for whom\n$/);
    const first = await space.run('approve', id, '--by', 'ann', '--role', 'clerk');
    expect(first).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('2 people must give the same answer, 1 answered') as string,
    });
    expect((await space.run('approve')).stdout).toContain('clerk, 2 people, 1 answered  Ship it?');
    const twice = await space.run('approve', id, '--by', 'ann', '--role', 'clerk');
    expect(twice).toMatchObject({ exitCode: 1, stderr: `error: "${id}" was not answered: ann has answered it before\n` });
    expect((await space.run('approve', id, '--by', 'bob', '--role', 'clerk')).stdout).toBe(`${id} approved\n`);
    expect(await exitCode).toBe(0);
  });

  it('goes on when nobody answers in time, and says so to who comes later', async () => {
    const steps = `  - { id: only, tool: fail, fallbacks: [{ action: escalate-to-human, timeout: 200 }, { action: use-value, value: 0 }] }\n`;
    using space = new Workspace({
      'w.yaml': `id: w\nsteps:\n${steps}${ask('then', 'Then?', ', dependencies: [only]')}`,
      'swarmchart.config.mjs': FAIL,
    });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people');
    const id = await asked(terminal.err, 'only');
    const then = await asked(terminal.err, 'then');
    const late = await space.run('approve', id);
    expect(late).toMatchObject({ exitCode: 1, stderr: `error: "${id}" was not answered: it waits no longer: nobody answered in time\n` });
    await space.run('approve', then);
    expect(await exitCode).toBe(0);
  });

  it('is cancelled by a signal as ever, and leaves nothing behind', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const { terminal, exitCode } = space.start('run', 'w.yaml', '--wait-for-people', '--json');
    await asked(terminal.err, 'ship');
    terminal.signal('SIGINT');
    expect(await exitCode).toBe(130);
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'cancelled' });
    expect(filesIn(space)).toEqual([]);
  });

  it('does not wait longer than --timeout', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const { exitCode, stdout, stderr } = await space.run('run', 'w.yaml', '--wait-for-people', '--timeout', '200', '--json');
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'cancelled',
      error: { code: 'CANCELLED', context: { reason: '200 ms have passed' } },
    });
    expect(stderr).toContain('next: allow more with --timeout MS');
    expect(filesIn(space)).toEqual([]);
  });

  it('does not wait for a signal that nobody can send', async () => {
    using space = new Workspace({ 'w.yaml': 'id: w\nsteps: [{ id: merged, type: wait, signal: merge }]\n' });
    const { exitCode, stderr } = await space.run('run', 'w.yaml', '--wait-for-people');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('next: the command line sends no signals');
  });

  it('runs nothing when it could not be reached', async () => {
    using space = new Workspace({ 'w.yaml': oneStep('echo', ', parameters: { message: hi }'), '.swarmchart': 'a file' });
    const { exitCode, stdout, stderr } = await space.run('run', 'w.yaml', '--wait-for-people', '--json', '--no-journal');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'refused', error: { code: 'INVALID_VALUE' } });
    expect(stderr).toContain('A run must tell in');
    expect(stderr).not.toContain('started');
  });

  it('is like any other run when nobody is asked', async () => {
    using space = new Workspace({ 'w.yaml': oneStep('echo', ', parameters: { message: hi }') });
    expect(await space.run('run', 'w.yaml', '--wait-for-people')).toMatchObject({ exitCode: 0, stdout: 'hi\n' });
    expect(filesIn(space)).toEqual([]);
  });

  it('is not found by anybody without the flag and without a journal', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    expect((await space.run('run', 'w.yaml', '--no-journal')).exitCode).toBe(3);
    expect(existsSync(join(space.folder, '.swarmchart'))).toBe(false);
  });

  it('can be reached without the flag too where it is kept, and does not stay for it', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    expect((await space.run('run', 'w.yaml')).exitCode).toBe(3);
    expect(filesIn(space)).toEqual([]);
  });
});

/** A busy machine takes its time to start a process. */
describe('two processes', { timeout: 120_000 }, () => {
  it('one runs and waits, the other one answers', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const run = new Command(space, ['run', 'w.yaml', '--wait-for-people', '--jsonl'], { NO_COLOR: '1' });
    await run.saw('swarmchart approve');
    const list = new Command(space, ['approve']);
    expect(await list.exitCode()).toBe(0);
    const [, id = ''] = /^(\S+\/ship) +release +approval /m.exec(list.stdout) ?? [];
    expect(list.stderr).toBe(`next: swarmchart approve ${id}   # or --reject, --abort\n`);
    const approve = new Command(space, ['approve', id, '--value', '"Berlin"', '--json']);
    expect(await approve.exitCode()).toBe(0);
    expect(JSON.parse(approve.stdout)).toMatchObject({ v: 1, id, decision: 'approve', accepted: true, open: null, error: null });
    expect(await run.exitCode()).toBe(0);
    const result = JSON.parse(run.stdout.trimEnd().split('\n').at(-1) ?? '') as object;
    expect(result).toMatchObject({ type: 'result', status: 'completed', result: 'shipped to Berlin' });
    for (const text of [run.stderr, list.stdout, list.stderr, approve.stdout]) expect(text).not.toContain('\u001b');
    expect(filesIn(space)).toEqual([]);
  });

  it('two run in one folder with a journal each, and each gets its own answer', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const runs = [[], ['--journal', 'second.db']].map((more) => new Command(space, ['run', 'w.yaml', '--wait-for-people', ...more]));
    await Promise.all(runs.map((run) => run.saw('swarmchart approve')));
    const { waiting, runs: live } = await listing(space);
    expect(live.map(({ pid }) => pid).sort()).toEqual(runs.map(({ child }) => child.pid).sort());
    for (const { id } of waiting) expect((await space.run('approve', id, '--value', `"${id}"`)).exitCode).toBe(0);
    expect(await Promise.all(runs.map((run) => run.exitCode()))).toEqual([0, 0]);
    expect(runs.map(({ stdout }) => stdout).sort()).toEqual(waiting.map(({ id }) => `shipped to ${id}\n`).sort());
  });

  it('one is killed, and what it leaves behind is recognised and removed', async () => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const run = new Command(space, ['run', 'w.yaml', '--wait-for-people']);
    await run.saw('swarmchart approve');
    const [file = ''] = filesIn(space);
    const { address } = JSON.parse(readFileSync(join(space.folder, LIVE, file), 'utf8')) as { readonly address: string };
    run.child.kill('SIGKILL');
    expect(await run.exitCode()).toBe('SIGKILL');
    expect([filesIn(space), existsSync(address)]).toEqual([[file], true]);
    const id = file.replace('.json', '');
    const answer = await space.run('approve', `${id}/ship`);
    expect(answer.exitCode).toBe(2);
    expect(answer.stderr).toBe(
      `error: Nobody runs ${id} at present: its process ${run.child.pid} has ended\nnext: swarmchart resume ${id} --wait-for-people, then answer again\n`,
    );
    expect([filesIn(space), existsSync(dirname(address))]).toEqual([[], false]);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('one is told to end by %s while it waits, and cleans up', async (signal, expected) => {
    using space = new Workspace({ 'w.yaml': RELEASE });
    const run = new Command(space, ['run', 'w.yaml', '--wait-for-people']);
    await run.saw('swarmchart approve');
    run.child.kill(signal);
    expect(await run.exitCode()).toBe(expected);
    expect(filesIn(space)).toEqual([]);
    expect((await space.run('approve')).stderr).toContain('takes answers: one does when');
  });
});

/** Fault 11, on real processes: one that is told to end leaves what it runs in the journal, within its time, and loses nothing of it. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Command } from './command-for-test.ts';
import { parseLines, Workspace } from './terminal-for-test.ts';

/** `held` ends when there is a file `go`; `hang` hangs until there is a file `again`. Each call leaves a line. */
const CONFIG = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
const here = (name) => new URL(name, import.meta.url);
const begin = (idempotencyKey, log) => { appendFileSync(here('calls.log'), idempotencyKey + '\\n'); log.warn({}, 'begun'); };
export default { tools: [
  { name: 'held', run: async (_, { idempotencyKey, log }) => {
    begin(idempotencyKey, log);
    while (!existsSync(here('go'))) await setTimeout(5);
    return 'held';
  } },
  { name: 'hang', run: async (_, { idempotencyKey, log, signal }) => {
    begin(idempotencyKey, log);
    if (!existsSync(here('again'))) await setTimeout(600_000, undefined, { signal });
    return 'went on';
  } },
] };
`;
const twoSteps = (tool: string): string =>
  `id: two\nsteps:\n  - { id: first, tool: ${tool} }\n  - { id: then, tool: held, dependencies: [first] }\n`;

interface Shown {
  readonly executionId: string;
  readonly status: string;
  readonly snapshot: { readonly steps: readonly { readonly id: string; readonly status: string }[] };
}

class Scene implements Disposable {
  readonly space: Workspace;

  constructor(workflow: string) {
    this.space = new Workspace({ 'w.yaml': workflow, 'swarmchart.config.mjs': CONFIG });
  }

  get calls(): readonly string[] {
    return readFileSync(join(this.space.folder, 'calls.log'), 'utf8').trimEnd().split('\n');
  }

  async started(): Promise<{ readonly run: Command; readonly id: string }> {
    const run = new Command(this.space, ['run', 'w.yaml', '--json']);
    await run.saw('begun');
    return { run, id: /^run (\w+)$/m.exec(run.stderr)?.[1] ?? '' };
  }

  /** A file that tools look for. */
  put(name: string): void {
    writeFileSync(join(this.space.folder, name), '');
  }

  async shown(id: string): Promise<Shown> {
    return JSON.parse((await this.space.run('show', id, '--json')).stdout) as Shown;
  }

  async steps(id: string): Promise<readonly (readonly [string, string])[]> {
    return (await this.shown(id)).snapshot.steps.map((step) => [step.id, step.status] as const);
  }

  [Symbol.dispose](): void {
    this.space[Symbol.dispose]();
  }
}

const statusIn = (text: string): unknown => parseLines(text).at(-1)?.['status'];

/** A busy machine takes its time to start a process. */
describe('a run that is told to end', { timeout: 120_000 }, () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s has what is under way end, commits it, begins nothing new, and goes on later', async (signal, expected) => {
    using scene = new Scene(twoSteps('held'));
    const { run, id } = await scene.started();
    run.child.kill(signal);
    await run.saw(`${signal}: what is under way may end within 10 s`);
    scene.put('go');
    expect(await run.exitCode()).toBe(expected);
    expect([statusIn(run.stdout), scene.calls]).toEqual(['interrupted', [`${id}/first/1`]]);
    expect(run.stderr).toContain(`two was interrupted by ${signal}, and has not ended: 1 of 2 steps`);
    expect(run.stderr).toContain(`next: swarmchart resume ${id}\n`);
    expect((await scene.steps(id)).at(0)).toEqual(['first', 'completed']);
    expect((await scene.shown(id)).status).toBe('interrupted');
    expect((await scene.space.run('journal', 'verify')).exitCode).toBe(0);

    const resumed = new Command(scene.space, ['resume', id]);
    expect(await resumed.exitCode()).toBe(0);
    expect([resumed.stdout, scene.calls]).toEqual(['held\n', [`${id}/first/1`, `${id}/then/1`]]);
  });

  it('ends after 10 s whatever hangs, and what was cut short runs again under the same idempotency key', async () => {
    using scene = new Scene(twoSteps('hang'));
    const { run, id } = await scene.started();
    run.child.kill('SIGTERM');
    expect(await run.exitCode()).toBe(143);
    expect(await scene.steps(id)).toEqual([
      ['first', 'running'],
      ['then', 'pending'],
    ]);
    for (const name of ['again', 'go']) scene.put(name);
    const resumed = new Command(scene.space, ['resume', id]);
    expect(await resumed.exitCode()).toBe(0);
    expect(scene.calls).toEqual([`${id}/first/1`, `${id}/first/1`, `${id}/then/1`]);
  });

  it('stops at once on a second signal, and loses nothing', async () => {
    using scene = new Scene(twoSteps('hang'));
    const { run, id } = await scene.started();
    run.child.kill('SIGTERM');
    await run.saw('SIGTERM: what is under way');
    run.child.kill('SIGTERM');
    expect(await run.exitCode()).toBe(143);
    expect(statusIn(run.stdout)).toBe('interrupted');
    expect(await scene.steps(id)).toEqual([
      ['first', 'running'],
      ['then', 'pending'],
    ]);
    for (const name of ['again', 'go']) scene.put(name);
    const resumed = new Command(scene.space, ['resume', '--all']);
    expect(await resumed.exitCode()).toBe(0);
    expect(scene.calls).toEqual([`${id}/first/1`, `${id}/first/1`, `${id}/then/1`]);
  });

  it('is cancelled by SIGINT, and is over then', async () => {
    using scene = new Scene(twoSteps('hang'));
    const { run, id } = await scene.started();
    run.child.kill('SIGINT');
    expect(await run.exitCode()).toBe(130);
    expect([statusIn(run.stdout), (await scene.shown(id)).status]).toEqual(['cancelled', 'cancelled']);
  });

  it('by kill -9 goes on where it was', async () => {
    using scene = new Scene(twoSteps('hang'));
    const { run, id } = await scene.started();
    run.child.kill('SIGKILL');
    expect(await run.exitCode()).toBe('SIGKILL');
    const list = new Command(scene.space, ['list']);
    expect(await list.exitCode()).toBe(0);
    expect(list.stdout).toMatch(new RegExp(`^${id} +workflow +two +interrupted +0 of 2 `, 'm'));
    expect(list.stderr).toBe(`next: swarmchart resume ${id}\n`);
    for (const name of ['again', 'go']) scene.put(name);
    const resumed = new Command(scene.space, ['resume', id.slice(0, 8)]);
    expect(await resumed.exitCode()).toBe(0);
    expect([resumed.stdout, scene.calls]).toEqual(['held\n', [`${id}/first/1`, `${id}/first/1`, `${id}/then/1`]]);
    expect(existsSync(join(scene.space.folder, '.swarmchart', 'journal.db'))).toBe(true);
  });

  it('by kill -9 as it cancels, is cancelled when it is resumed', async () => {
    using scene = new Scene(twoSteps('hang'));
    const { run, id } = await scene.started();
    run.child.kill('SIGINT');
    await run.saw('SIGINT: cancelling the run');
    run.child.kill('SIGKILL');
    await run.exitCode();
    const { status } = await scene.shown(id);
    expect(['interrupted', 'cancelled']).toContain(status);
    const cancelled = await scene.space.run('cancel', id);
    expect(cancelled.exitCode).toBe(status === 'cancelled' ? 2 : 0);
    expect((await scene.shown(id)).status).toBe('cancelled');
  });
});

describe('two processes at one journal', { timeout: 120_000 }, () => {
  it('one runs, others look on, and a second one that would write is refused and told who is there', async () => {
    using scene = new Scene(twoSteps('held'));
    const { run, id } = await scene.started();
    const list = new Command(scene.space, ['list', '--json']);
    expect(await list.exitCode()).toBe(0);
    expect(JSON.parse(list.stdout)).toMatchObject({
      holder: { pid: run.child.pid },
      executions: [{ executionId: id, status: 'running', process: run.child.pid, steps: { ended: 0, total: 2 } }],
    });
    const verify = new Command(scene.space, ['journal', 'verify']);
    expect(await verify.exitCode()).toBe(0);
    for (const [argv, advice] of [
      [['run', 'w.yaml'], 'use another journal: --journal other.db, or none: --no-journal'],
      [['resume', id], 'have it leave: swarmchart pause ID'],
    ] as const) {
      const second = new Command(scene.space, argv);
      expect(await second.exitCode()).toBe(2);
      expect(second.stderr).toContain(`is being written by process ${run.child.pid} on `);
      expect(second.stderr).toContain(`\nnext: wait until that process has ended, or ${advice}\n`);
    }
    scene.put('go');
    expect(await run.exitCode()).toBe(0);
    expect(statusIn(run.stdout)).toBe('completed');
  });

  it('one runs, and the other one cancels it', async () => {
    using scene = new Scene(twoSteps('hang'));
    const { run, id } = await scene.started();
    const cancel = new Command(scene.space, ['cancel', id.slice(0, 6), '--reason', 'wrong input']);
    expect(await cancel.exitCode()).toBe(0);
    expect(cancel.stdout).toBe(`${id} cancelling, in process ${run.child.pid}\n`);
    expect(await run.exitCode()).toBe(1);
    expect(parseLines(run.stdout).at(-1)).toMatchObject({ status: 'cancelled', error: { context: { reason: 'wrong input' } } });
    expect((await scene.shown(id)).status).toBe('cancelled');
  });
});

/** Fault 16, a tool that loops for ever: a process of its own is held, and tells of it. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';

const SCRIPT = fileURLToPath(new URL('watchdog-victim.ts', import.meta.url));

class Victim implements Disposable {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  #onText: () => void = () => {};

  constructor(story: string, flags: readonly string[] = []) {
    this.child = spawn(process.execPath, [...flags, SCRIPT, story]);
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#onText();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#onText();
    });
  }

  get reports(): readonly string[] {
    return this.stderr.split('\n').filter((line) => line.startsWith('swarmchart: the event loop of process'));
  }

  get warnings(): readonly Record<string, unknown>[] {
    const lines = this.stdout.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Rejects when the process ends without having said so. */
  saw(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onText = () => (this.stdout + this.stderr).includes(text) && resolve();
      this.child.once('close', () => reject(new Error(`"${text}" was never seen in:\n${this.stdout}${this.stderr}`)));
      this.#onText();
    });
  }

  async end(): Promise<number | string | null> {
    const [code, signal] = (await once(this.child, 'close')) as [number | null, string | null];
    return code ?? signal;
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}

const NAME = '(step "only" of execution "victim/only/1")';

/** Two threads and a test runner share a busy machine. */
const PATIENCE = { timeout: 60_000 };

describe('a watched process whose event loop is held', PATIENCE, () => {
  it.each([
    ['by a tool that never returns: names the tool and its step', 'forever', `by tool "spin" ${NAME}`],
    ['by a tool that has waited before: names what is at work', 'later', `while tool "spin later" ${NAME} was at work`],
    ['by something else: says that no step is at work', 'outside', 'while no step was at work'],
  ])('%s', async (_, story, culprit) => {
    using victim = new Victim(story);
    await victim.saw('until it turns');
    expect(victim.reports).toEqual([expect.stringContaining(culprit)]);
    expect(victim.child.exitCode).toBeNull();
    victim.child.kill('SIGKILL');
    expect(await victim.end()).toBe('SIGKILL');
    expect(victim.warnings).toEqual([]);
  });

  it('says at which function it is, which tells when much is at work', async () => {
    using victim = new Victim('laterBesideOthers');
    await victim.saw('swarmchart: it is at ');
    expect(victim.reports).toEqual([expect.stringMatching(/while these were at work: .* and \d+ more/)]);
    await victim.saw('called by');
    expect(victim.stderr).toMatch(/swarmchart: it is at hold \(file:.*watchdog-victim\.ts:\d+:\d+\), called by /);
  });

  it('reports once, and when it is free again the log says how long it was held and by whom', async () => {
    using victim = new Victim('long');
    expect(await victim.end()).toBe(0);
    expect(victim.reports).toHaveLength(1);
    expect(victim.warnings).toEqual([
      { log: 'first', message: `the event loop was held by tool "compute" ${NAME}`, heldMs: expect.any(Number) },
    ]);
    expect(victim.warnings[0]?.['heldMs']).toBeGreaterThanOrEqual(3_000);
  });

  it('goes on after native code, in which nobody can see where it is', async () => {
    using victim = new Victim('native');
    expect(await victim.end()).toBe(0);
    expect(victim.reports).toEqual([expect.stringContaining('by tool "block"')]);
    expect(victim.warnings).toHaveLength(1);
  });

  it('is not looked into while it is being debugged, for whoever is at a breakpoint must stay there', async () => {
    using victim = new Victim('long', ['--inspect=127.0.0.1:0']);
    expect(await victim.end()).toBe(0);
    expect(victim.reports).toHaveLength(1);
    expect(victim.stderr).not.toContain('it is at');
  });

  it('tells each runtime whose patience was exceeded, and nobody once all of those have stopped', async () => {
    using victim = new Victim('severalRuntimes');
    expect(await victim.end()).toBe(0);
    expect(victim.reports).toHaveLength(1);
    expect(victim.warnings).toEqual([expect.objectContaining({ log: 'second' })]);
  });
});

describe('a watched process', PATIENCE, () => {
  it('that was stopped and goes on, as after the sleep of its machine, is not reported', async () => {
    using victim = new Victim('asleep');
    await victim.saw('resting');
    victim.child.kill('SIGSTOP');
    // It is the system that stops it, for as long as the system's own clock says.
    await sleep(2_500);
    victim.child.kill('SIGCONT');
    expect(await victim.end()).toBe(0);
    expect(victim.reports).toEqual([]);
    expect(victim.warnings).toEqual([]);
  });

  it('ends when nothing is left to do, although its runtime was not stopped', async () => {
    using victim = new Victim('idle');
    expect(await victim.end()).toBe(0);
    expect(victim.stdout).toBe('at work\n');
    expect(victim.stderr).toBe('');
  });
});

describe('the watchdog of a runtime', () => {
  it('changes nothing about its steps, whether they return, wait or fail', async () => {
    const refuse = () => {
      throw new Error('refused');
    };
    const tools = [
      { name: 'return', run: () => 1 },
      { name: 'wait', run: () => Promise.resolve(2) },
      { name: 'fail', run: refuse },
    ];
    await using runtime = await createRuntime({ tools, watchdog: {} });
    const run = (tool: string) => runtime.run({ id: 'w', steps: [{ id: 'only', tool }] }).result();
    expect(await run('return')).toMatchObject({ result: 1 });
    expect(await run('wait')).toMatchObject({ result: 2 });
    expect(await run('fail')).toMatchObject({ error: { code: 'EXECUTION_FAILED', message: 'refused' } });
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5s', null])('is refused a patience of %s', async (blockedMs) => {
    const refused = createRuntime({ watchdog: { blockedMs: blockedMs as number } });
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_VALUE', message: expect.stringContaining('watchdog.blockedMs') });
  });
});

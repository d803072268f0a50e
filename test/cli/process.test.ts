/** The command as a process of its own: signals, streams, and whatever user code does to them. */

import { describe, expect, it } from 'vitest';
import { Command } from './command-for-test.ts';
import { CONFIG, oneStep, Workspace } from './terminal-for-test.ts';

describe('the swarmchart process', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('cancels a run that is kept nowhere on %s, waits for it, and ends with %i', async (signal, expected) => {
    using folder = new Workspace({ 'w.yaml': oneStep('hang'), 'swarmchart.config.mjs': CONFIG });
    const command = new Command(folder, ['run', 'w.yaml', '--json', '--no-journal']);
    await command.saw('hanging');
    command.child.kill(signal);
    expect(await command.exitCode()).toBe(expected);
    expect(JSON.parse(command.stdout)).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED', context: { reason: signal } } });
    expect(command.stderr).toContain(`one cancelled by ${signal}`);
  });

  it('stops at once on a second signal, whatever a step does', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('deaf', ', timeout: 600000'), 'swarmchart.config.mjs': CONFIG });
    const command = new Command(folder, ['run', 'w.yaml', '--json']);
    await command.saw('hanging');
    command.child.kill('SIGINT');
    await command.saw('SIGINT: cancelling the run');
    command.child.kill('SIGTERM');
    expect(await command.exitCode()).toBe(130);
    expect(JSON.parse(command.stdout)).toMatchObject({ status: 'interrupted', error: null });
    expect(command.stderr).toContain('one was interrupted by SIGINT, and has not ended');
  });

  it('ends although a tool has left work behind', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('linger'), 'swarmchart.config.mjs': CONFIG });
    const command = new Command(folder, ['run', 'w.yaml']);
    expect(await command.exitCode()).toBe(0);
    expect(command.stdout).toBe('enough\n');
  });

  it('keeps what tools print away from stdout', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('print'), 'swarmchart.config.mjs': CONFIG });
    const command = new Command(folder, ['run', 'w.yaml']);
    expect(await command.exitCode()).toBe(0);
    expect(command.stdout).toBe('printed\n');
    expect(command.stderr).toContain('from console\n');
  });

  it('ends with 1 when user code throws where nobody can catch it, and shows where on demand', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('throw-late'), 'swarmchart.config.mjs': CONFIG });
    const command = new Command(folder, ['run', 'w.yaml'], { SWARMCHART_DEBUG: '1' });
    expect(await command.exitCode()).toBe(1);
    expect(command.stderr).toMatch(/Error: from a timer\n +at .*swarmchart\.config\.mjs/);
  });

  it('reports a rejected promise that nobody handled', async () => {
    const more =
      '\n  - { id: then, tool: fail-twice, dependencies: [only], retry: { maxRetries: 2, backoff: { strategy: fixed, baseMs: 1 } } }';
    using folder = new Workspace({ 'w.yaml': `${oneStep('reject-late').trimEnd()}${more}\n`, 'swarmchart.config.mjs': CONFIG });
    const command = new Command(folder, ['run', 'w.yaml']);
    expect(await command.exitCode()).toBe(1);
    expect(command.stderr).toContain('Nobody handled a rejected promise: Error: lost');
    expect(command.stdout).toBe('3\n');
  });

  it('says nothing when the reader of stdout has left', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('echo', ', parameters: { message: hi }') });
    const command = new Command(folder, ['run', 'w.yaml', '--jsonl']);
    command.child.stdout.destroy();
    expect(await command.exitCode()).toBe(0);
    expect(command.stderr).not.toMatch(/EPIPE|at .*\(/);
  });

  it('says who holds the event loop, although nothing else can be done any more', async () => {
    const config = 'export default { tools: [{ name: "spin", run: () => { for (;;); } }] };\n';
    using folder = new Workspace({ 'w.yaml': oneStep('spin'), 'swarmchart.config.mjs': config });
    const command = new Command(folder, ['run', 'w.yaml']);
    await command.saw('by tool "spin" (step "only" of execution "');
    command.child.kill('SIGINT');
    command.child.kill('SIGKILL');
    expect(await command.exitCode()).toBe('SIGKILL');
  }, 30_000);

  it('warns of a tool that held it, and leaves it alone when the configuration says so', async () => {
    const config = (more: string) =>
      `export default { tools: [{ name: "spin", run: () => { for (const end = Date.now() + 1500; Date.now() < end; ); } }], ${more} };\n`;
    using folder = new Workspace({ 'w.yaml': oneStep('spin'), 'swarmchart.config.mjs': config('watchdog: { blockedMs: 300 }') });
    const watched = new Command(folder, ['run', 'w.yaml']);
    expect(await watched.exitCode()).toBe(0);
    expect(watched.stderr).toMatch(/warn: the event loop was held by tool "spin" \(step "only" of execution ".*"\) heldMs=\d{4}/);
    folder.write('swarmchart.config.mjs', config('watchdog: false'));
    const unwatched = new Command(folder, ['run', 'w.yaml']);
    expect(await unwatched.exitCode()).toBe(0);
    expect(unwatched.stderr).not.toContain('event loop');
  });

  it('reads a configuration in TypeScript', async () => {
    const config = "const name: string = 'typed';\nexport default { tools: [{ name, run: (): string => 'read' }] };\n";
    using folder = new Workspace({ 'w.yaml': oneStep('typed'), 'swarmchart.config.ts': config, 'package.json': '{"type":"module"}' });
    const command = new Command(folder, ['run', 'w.yaml']);
    expect(await command.exitCode()).toBe(0);
    expect(command.stdout).toBe('read\n');
  });
});

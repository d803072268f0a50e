/**
 * S16: runtimes are embedded side by side, and inspected.
 * Model paths are in test/machines, the consumer project in test/consumer.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ExecutionResult, Fact, Runtime } from '../../src/index.ts';
import { startInspector } from '../../src/inspect/inspect.ts';
import { projectRoot } from '../house/project.ts';
import { Viewer } from '../inspect/viewer.ts';
import { checkWire, collectMessages } from '../inspect/wire.ts';
import { startRuntime } from '../support/start-runtime.ts';

const context = { executionId: 'x', swarmId: 'of-two', userId: 'u', correlationId: 'c', timestamp: new Date(0) };
const allocation = { maxCredits: '10', maxDurationMs: 60_000, maxMemoryMB: 64, maxConcurrentSteps: 4 };
const workflow = { id: 'w', steps: [{ id: 'a', tool: 'echo', parameters: { message: 'hello' } }] };

const parameters = { message: 'hello' };
const team = {
  swarm: 'team',
  goal: 'greet',
  agents: [{ id: 'host', capabilities: ['talk'] }],
  tasks: [{ id: 't', requiredCapabilities: ['talk'], tool: 'echo', parameters }],
};

/** The services of every runtime: they live as long as it does. */
const SERVICES = ['children', 'children > breakers', 'children > pool', 'children > pool > nursery', 'children > executions'];

/** What runs, and every actor that appears because of it. A tier is one row. */
const TIERS: readonly (readonly [string, (runtime: Runtime) => Promise<ExecutionResult>, string])[] = [
  [
    'tier 1',
    (runtime) => runtime.swarm(team, { context }).result(),
    `x | x > nursery | x > nursery > $planner | pool > nursery > agent/x/host | x > nursery > $organizer
     x > nursery > t | x > nursery > t > nursery | x > nursery > t > nursery > t | x > nursery > t > nursery > t > attempt
     breakers > breaker/tool/echo | x > nursery > $synthesizer`,
  ],
  [
    'tier 2',
    (runtime) => runtime.tier2.execute({ context, allocation, input: { workflow, parameters: {} } }),
    'x | x > nursery | x > nursery > a | x > nursery > a > attempt | breakers > breaker/tool/echo',
  ],
  [
    'tier 3',
    (runtime) => runtime.tier3.execute({ context, allocation, input: { stepId: 'a', toolName: 'echo', parameters } }),
    'x | x > attempt | breakers > breaker/tool/echo',
  ],
];

/** Beneath the supervisor's port. */
const pathsIn = (actors: string): readonly string[] =>
  actors.split(/\s*[|\n]\s*/).map((path) => `children > ${/^(pool|breakers) /.test(path) ? path : `executions > ${path}`}`);
const lastsOn = (path: string): boolean => path.startsWith('children > breakers');

describe('S16: inspection', () => {
  it.each(TIERS)('shows every actor of %s with its parent, in messages that are JSON', async (_, start, actors) => {
    const { inspect, messages, tree } = collectMessages();
    await using world = await startRuntime({ inspect });
    expect(await start(world.runtime)).toMatchObject({ success: true });
    expect(tree()).toEqual(['runtime', ...[...SERVICES, ...pathsIn(actors)].map((path) => `runtime > ${path}`)]);
    checkWire(messages);
  });

  it.each(TIERS)('keeps nothing of %s once it has ended', async (_, start, actors) => {
    await using inspector = await startInspector();
    await using world = await startRuntime({ inspect: inspector.inspect });
    await start(world.runtime);
    await world.clock.advanceAsync(1);
    expect(inspector.vitals).toEqual({ actors: 1 + SERVICES.length + pathsIn(actors).filter(lastsOn).length, viewers: 0 });
    await world.runtime.stop();
    expect(inspector.vitals).toEqual({ actors: 0, viewers: 0 });
  });

  it('shows who comes late what is live now: a run of fifty steps that has half of them behind it', async () => {
    await using inspector = await startInspector();
    const released = Promise.withResolvers<string>();
    const wait = { name: 'wait', run: ({ n }: { readonly n: number }) => (n < 25 ? 'done' : released.promise) };
    await using world = await startRuntime({ inspect: inspector.inspect, tools: [wait] });
    const steps = Array.from({ length: 50 }, (_, n) => ({ id: `s${n}`, tool: 'wait', parameters: { n } }));
    const execution = world.runtime.run({ id: 'w', steps }, { context, allocation: { ...allocation, maxConcurrentSteps: 50 } });
    await world.clock.advanceAsync(1);
    const viewer = new Viewer(inspector.socketUrl);
    await inspector.watched();
    await viewer.saw(({ type, ...message }) => type === '@xstate.actor' && 'name' in message && message.name === 'breaker/tool/wait');
    const names = viewer.messages.flatMap((message) => (message.type === '@xstate.actor' ? [message.name] : []));
    expect(names.filter((name) => /^s\d+$/.test(name))).toEqual(steps.slice(25).map(({ id }) => id));
    checkWire(viewer.messages);
    released.resolve('late');
    expect(await execution.result()).toMatchObject({ success: true });
  });
});

describe('S16: two runtimes in one process', () => {
  it('never hear of each other: facts, ids, breakers and actors', async () => {
    const [left, right] = [collectMessages(), collectMessages()];
    const failing = { name: 'flaky', run: () => Promise.reject(new Error('down')) };
    const working = { name: 'flaky', run: () => 'up' };
    await using one = await startRuntime({ inspect: left.inspect, tools: [failing] });
    await using two = await startRuntime({ inspect: right.inspect, tools: [working] });
    const heard: { readonly one: Fact[]; readonly two: Fact[] } = { one: [], two: [] };
    one.runtime.events.subscribe('**', (fact) => void heard.one.push(fact));
    two.runtime.events.subscribe('**', (fact) => void heard.two.push(fact));
    const flaky = { id: 'w', steps: [{ id: 'a', tool: 'flaky', parameters: {} }] };
    for (let attempt = 0; attempt < 10; attempt++) await one.runtime.run(flaky).result();
    expect(await one.runtime.run(flaky).result()).toMatchObject({ error: { code: 'CIRCUIT_OPEN' } });
    const second = two.runtime.run(flaky, { context });
    expect(await second.result()).toMatchObject({ success: true, result: 'up' });
    await one.clock.advanceAsync(1);
    await two.clock.advanceAsync(1);
    expect(heard.two.length).toBeGreaterThan(0);
    expect(heard.two.filter(({ swarmId }) => swarmId !== 'of-two')).toEqual([]);
    expect(heard.one.filter(({ swarmId }) => swarmId === 'of-two')).toEqual([]);
    expect(one.runtime.tier2.getExecutionStatus('x')).toBeUndefined();
    expect(await two.journal.read('run-1')).toEqual([]);
    const roots = (messages: typeof left.messages) => new Set(messages.map(({ rootId }) => rootId));
    expect(roots(left.messages).size + roots(right.messages).size).toBe(2);
    expect(roots(left.messages)).not.toEqual(roots(right.messages));
  });

  it('stop one by one: the other goes on', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const wait = { name: 'wait', run: () => promise };
    await using one = await startRuntime({ tools: [wait] });
    await using two = await startRuntime({ tools: [wait] });
    const waiting = { id: 'w', steps: [{ id: 'a', tool: 'wait', parameters: {} }] };
    const [first, second] = [one.runtime.run(waiting), two.runtime.run(waiting)];
    await one.clock.advanceAsync(1);
    await two.clock.advanceAsync(1);
    await one.runtime.stop({ graceMs: 0 });
    expect(await first.result()).toMatchObject({ success: false });
    expect(second.status).toBe('running');
    resolve('went on');
    expect(await second.result()).toMatchObject({ success: true, result: 'went on' });
  });

  it('let the process end by itself, inspected or not', async () => {
    const entry = (path: string) => JSON.stringify(pathToFileURL(`${projectRoot}/src/${path}`).href);
    const program = `
      import { createRuntime } from ${entry('index.ts')};
      import { startInspector } from ${entry('inspect/inspect.ts')};
      const inspector = await startInspector();
      const runtimes = [await createRuntime({ inspect: inspector.inspect }), await createRuntime()];
      const run = (runtime) => runtime.run(${JSON.stringify(workflow)}).result();
      const results = await Promise.all(runtimes.map(run));
      console.log(results.map(({ result }) => result).join());`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(stdout).toBe('hello,hello\n');
  });
});

/**
 * Every control of the public surface, when there is nothing to control: for unknown ids, in the wrong state, twice, after the end, after the
 * runtime has stopped, and with anything at all as its argument. It answers `false` (or nothing), or fails with a SwarmchartError of a code
 * that says what is wrong; it never throws anything else, never hangs, and the runtime goes on.
 */

import { describe, expect, it } from 'vitest';
import { fromCallback } from 'xstate';
import { SwarmchartError, startSupervisor } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { hostileWorld } from '../runtime/hostile-world.ts';

const LATE_MS = 60_000;
const untilAborted = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

/** A runtime with one of everything that lives. */
async function stage() {
  const world = await hostileWorld(untilAborted, {
    options: {
      tools: [
        { name: 'hostile', breaker: false, run: untilAborted },
        { name: 'quick', run: () => 'done' },
      ],
      agents: [{ id: 'ann', capabilities: ['work'], maxConcurrentTasks: 1_000, initialize: () => undefined }],
    },
  });
  const { runtime } = world;
  const run = runtime.run(
    {
      id: 'live',
      steps: [
        { id: 'work', tool: 'hostile' },
        { id: 'ask', type: 'wait', approval: true },
        { id: 'inner', type: 'workflow', workflow: { id: 'within', steps: [{ id: 'deep', tool: 'hostile' }] } },
      ],
    },
    { context: { executionId: 'run' } },
  );
  const swarm = runtime.swarm(
    {
      id: 'live',
      goal: 'work',
      agents: [{ id: 'own', capabilities: ['own'] }],
      routines: { own: { id: 'owning', steps: [{ id: 'work', tool: 'hostile' }] } },
      tasks: [{ id: 'task', requiredCapabilities: ['own'] }],
    },
    { context: { executionId: 'swarm' } },
  );
  const step = runtime.tier3.execute({ context: { executionId: 'step' }, input: { stepId: 's', toolName: 'hostile' } });
  runtime.templates.createTemplate({ id: 'known', workflow: { steps: [{ id: 'a', tool: 'quick' }] } });
  const { ok: supervisor } = await startSupervisor(
    { name: 'tree', kinds: { worker: fromCallback(() => {}) }, children: [{ id: 'child', src: 'worker' }] },
    { clock: world.clock },
  );
  await settlePromises();
  const inner = run.run('inner');
  const task = swarm.run('task');
  const lease = await runtime.agents.lease({ capabilities: ['work'] });
  if (!inner || !task || !supervisor) throw new Error('something does not live');
  return {
    ...world,
    run,
    swarm,
    step,
    inner,
    task,
    lease,
    supervisor,
    async [Symbol.asyncDispose]() {
      await supervisor.stop();
      await world[Symbol.asyncDispose]();
    },
  };
}
type Stage = Awaited<ReturnType<typeof stage>>;

/** What a call came to: a value in words, the code of a SwarmchartError, or what must never be. */
async function outcomeOf({ clock }: Pick<Stage, 'clock'>, call: () => unknown): Promise<string> {
  let outcome = 'hangs';
  const settle = async () => {
    try {
      const value: unknown = await call();
      outcome = value === undefined || typeof value === 'boolean' ? String(value) : 'a value';
    } catch (thrown) {
      outcome =
        thrown instanceof SwarmchartError
          ? thrown.code
          : `threw ${thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown}`;
    }
  };
  void settle();
  await settlePromises();
  if (outcome === 'hangs') await clock.advanceAsync(LATE_MS);
  return outcome;
}

const refuse = () => {
  throw new Error('refused to be looked at');
};
const throwing = (target: object = {}): object =>
  new Proxy(target, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse, apply: refuse });
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const cyclic = (): object => {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
};

const GARBAGE: readonly (readonly [string, () => unknown])[] = [
  ['null', () => null],
  ['true', () => true],
  ['0', () => 0],
  ['-1', () => -1],
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['an empty text', () => ''],
  ['a text', () => 'no such thing'],
  ['a long text', () => 'x'.repeat(100_000)],
  ['a name of Object.prototype', () => 'constructor'],
  ['__proto__', () => '__proto__'],
  ['an empty list', () => []],
  ['a list of null', () => [null]],
  ['an empty object', () => ({})],
  ['an object of nonsense', () => ({ nonsense: { deep: [{}] } })],
  [
    'an object of nulls',
    () => ({ id: null, input: null, steps: null, tasks: null, options: null, context: null, decision: null, graceMs: null }),
  ],
  ['an unsafe object', () => JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as unknown],
  ['a BigInt', () => 1n],
  ['a symbol', () => Symbol('garbage')],
  ['a function', () => refuse],
  ['a cyclic object', cyclic],
  ['a Map', () => new Map([[1, 2]])],
  [
    'an object whose getters throw',
    () => Object.defineProperties({}, { id: { get: refuse, enumerable: true }, input: { get: refuse, enumerable: true } }),
  ],
  ['an object whose conversions throw', () => ({ toString: refuse, toJSON: refuse, [Symbol.toPrimitive]: refuse })],
  ['a thenable that throws', () => ({ then: refuse })],
  ['a proxy that throws', () => throwing()],
  ['a proxy of a list that throws', () => throwing([])],
  ['a proxy of a function that throws', () => throwing(refuse)],
  ['a revoked proxy', revoked],
];

type Call = (stage: Stage, given: never) => unknown;
/** By name: how each control is called with something in the place of one argument. */
const CONTROLS: Readonly<Record<string, Call>> = {
  'run.cancel(reason)': ({ run }, given) => run.cancel(given),
  'run.setVariable(name)': ({ run }, given) => run.setVariable(given, 1),
  'run.setVariable(value)': ({ run }, given) => run.setVariable('name', given),
  'run.decide(stepId)': ({ run }, given) => run.decide(given, { decision: 'approve' }),
  'run.decide(decision)': ({ run }, given) => run.decide('ask', given),
  'run.decide(value)': ({ run }, given) => run.decide('nobody', { decision: 'approve', value: given }),
  'run.signal(name)': ({ run }, given) => run.signal(given),
  'run.signal(payload)': ({ run }, given) => run.signal('go', given),
  'run.run(stepId)': ({ run }, given) => run.run(given),
  'nested.cancel(reason)': ({ inner }, given) => inner.cancel(given),
  'nested.setVariable(name)': ({ inner }, given) => inner.setVariable(given, 1),
  'nested.decide(stepId)': ({ inner }, given) => inner.decide(given, { decision: 'approve' }),
  'swarm.cancel(reason)': ({ swarm }, given) => swarm.cancel(given),
  'swarm.decide(normId)': ({ swarm }, given) => swarm.decide(given, { decision: 'approve' }),
  'swarm.decide(decision)': ({ swarm }, given) => swarm.decide('norm', given),
  'swarm.run(taskId)': ({ swarm }, given) => swarm.run(given),
  ...Object.fromEntries(
    (['tier1', 'tier2', 'tier3'] as const).flatMap((tier): [string, Call][] => [
      [`${tier}.execute(request)`, ({ runtime }, given) => runtime[tier].execute(given)],
      [`${tier}.execute({ input })`, ({ runtime }, given) => runtime[tier].execute({ input: given })],
      [`${tier}.execute({ context })`, ({ runtime }, given) => runtime[tier].execute({ input: {} as never, context: given })],
      [`${tier}.execute({ options })`, ({ runtime }, given) => runtime[tier].execute({ input: {} as never, options: given })],
      [`${tier}.getExecutionStatus(id)`, ({ runtime }, given) => runtime[tier].getExecutionStatus(given)],
      [`${tier}.pause(id)`, ({ runtime }, given) => runtime[tier].pause(given)],
      [`${tier}.resume(id)`, ({ runtime }, given) => runtime[tier].resume(given)],
      [`${tier}.cancelExecution(id)`, ({ runtime }, given) => runtime[tier].cancelExecution(given)],
      [`${tier}.cancelExecution(reason)`, ({ runtime }, given) => runtime[tier].cancelExecution('nobody', given)],
    ]),
  ),
  'runtime.run(workflow)': ({ runtime }, given) => runtime.run(given).result(),
  'runtime.run(options)': ({ runtime }, given) => runtime.run('nothing', given).result(),
  'runtime.run({ input })': ({ runtime }, given) =>
    runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'quick' }] }, { input: given }).result(),
  'runtime.swarm(source)': ({ runtime }, given) => runtime.swarm(given).result(),
  'runtime.swarm(options)': ({ runtime }, given) => runtime.swarm('a goal', given).result(),
  'runtime.swarm({ goal })': ({ runtime }, given) => runtime.swarm({ id: 's', goal: 'g', tasks: [] }, { goal: given }).result(),
  'runtime.createWorkflow(definition)': ({ runtime }, given) => runtime.createWorkflow(given),
  'runtime.restore(facts)': ({ runtime }, given) => runtime.restore(given),
  'runtime.restore([fact])': ({ runtime }, given) => runtime.restore([given]),
  'runtime.restoreSwarm(facts)': ({ runtime }, given) => runtime.restoreSwarm(given),
  'agents.register(definition)': ({ runtime }, given) => runtime.agents.register(given),
  'agents.register(definitions)': ({ runtime }, given) => runtime.agents.register([given]),
  'agents.unregister(id)': ({ runtime }, given) => runtime.agents.unregister(given),
  'agents.unregister(options)': ({ runtime }, given) => runtime.agents.unregister('nobody', given),
  'agents.get(id)': ({ runtime }, given) => runtime.agents.get(given),
  'agents.discover(criteria)': ({ runtime }, given) => runtime.agents.discover(given),
  'agents.lease(options)': ({ runtime }, given) => runtime.agents.lease(given),
  'agents.crash(id)': ({ runtime }, given) => runtime.agents.crash(given),
  'agents.crash(thrown)': ({ runtime }, given) => runtime.agents.crash('ann', given),
  'templates.createTemplate(template)': ({ runtime }, given) => runtime.templates.createTemplate(given),
  'templates.instantiateFromTemplate(id)': ({ runtime }, given) => runtime.templates.instantiateFromTemplate(given),
  'templates.instantiateFromTemplate(parameters)': ({ runtime }, given) => runtime.templates.instantiateFromTemplate('known', given),
  'tasks.sequence(tasks)': ({ runtime }, given) => runtime.tasks.sequence(given).outcome(),
  'tasks.sequence([task])': ({ runtime }, given) => runtime.tasks.sequence([given]).outcome(),
  'tasks.sequence(options)': ({ runtime }, given) => runtime.tasks.sequence([{ tool: 'quick' }], given).outcome(),
  'tasks.parallel(tasks)': ({ runtime }, given) => runtime.tasks.parallel(given).outcome(),
  'tasks.parallel(options)': ({ runtime }, given) => runtime.tasks.parallel([{ tool: 'quick' }], given).outcome(),
  'tasks.pipeline(stages)': ({ runtime }, given) => runtime.tasks.pipeline(given).outcome(),
  'tasks.pipeline(data)': ({ runtime }, given) => runtime.tasks.pipeline([{ name: 'a', tool: 'quick' }], given).outcome(),
  'tasks.pipeline(options)': ({ runtime }, given) => runtime.tasks.pipeline([{ name: 'a', tool: 'quick' }], {}, given).outcome(),
  'tasks.executeTask(task)': ({ runtime }, given) => runtime.tasks.executeTask(given).outcome(),
  'tasks.executeTask(options)': ({ runtime }, given) => runtime.tasks.executeTask({ tool: 'quick' }, given).outcome(),
  'tasks.executeBatch(tasks)': ({ runtime }, given) => runtime.tasks.executeBatch(given).outcome(),
  'tasks.executeBatch(options)': ({ runtime }, given) => runtime.tasks.executeBatch([{ tool: 'quick' }], given).outcome(),
  'blackboard(id).get(key)': ({ runtime }, given) => runtime.blackboard('board').get(given),
  'blackboard(id)': ({ runtime }, given) => runtime.blackboard(given).get('key'),
  'blackboard(id).set': ({ runtime }, given) => runtime.blackboard(given).set('key', 1),
  'blackboard.set(key)': ({ runtime }, given) => runtime.blackboard('board').set(given, 1),
  'blackboard.set(value)': ({ runtime }, given) => runtime.blackboard('board').set('key', given),
  'blackboard.set(condition)': ({ runtime }, given) => runtime.blackboard('board').set('key', 1, given),
  'blackboard.append(key)': ({ runtime }, given) => runtime.blackboard('board').append(given, 1),
  'blackboard.append(item)': ({ runtime }, given) => runtime.blackboard('board').append('list', given),
  'blackboard.increment(amount)': ({ runtime }, given) => runtime.blackboard('board').increment('count', given),
  'blackboard.merge(members)': ({ runtime }, given) => runtime.blackboard('board').merge('object', given),
  'blackboard.deepMerge(members)': ({ runtime }, given) => runtime.blackboard('board').deepMerge('object', given),
  'blackboard.delete(key)': ({ runtime }, given) => runtime.blackboard('board').delete(given),
  'blackboard.delete(condition)': ({ runtime }, given) => runtime.blackboard('board').delete('key', given),
  'tools.register(tool)': ({ runtime }, given) => runtime.tools.register(given),
  'tools.get(name)': ({ runtime }, given) => runtime.tools.get(given),
  'events.subscribe(pattern)': ({ runtime }, given) => runtime.events.subscribe(given, () => {}),
  'events.subscribe(handler)': ({ runtime }, given) => runtime.events.subscribe('tier2/**', given),
  'supervisor.startChild(child)': ({ supervisor }, given) => supervisor.startChild(given),
  'supervisor.terminateChild(id)': ({ supervisor }, given) => supervisor.terminateChild(given),
  'supervisor.restartChild(id)': ({ supervisor }, given) => supervisor.restartChild(given),
  'supervisor.deleteChild(id)': ({ supervisor }, given) => supervisor.deleteChild(given),
  'supervisor.child(id)': ({ supervisor }, given) => supervisor.child(given),
  'supervisor.supervisor(id)': ({ supervisor }, given) => supervisor.supervisor(given),
};

describe('anything at all as an argument', () => {
  it.each(Object.entries(CONTROLS))('of %s: an answer or a SwarmchartError', async (name, call) => {
    await using world = await stage();
    const wrong: string[] = [];
    for (const [what, make] of GARBAGE) {
      const outcome = await outcomeOf(world, () => call(world, make() as never));
      if (outcome === 'hangs' || outcome.startsWith('threw')) wrong.push(`${what}: ${outcome}`);
    }
    expect(wrong.join('\n'), name).toBe('');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

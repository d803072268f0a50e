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

/** Results and answers that say no are told by their codes. */
function inWords(value: unknown): string {
  if (value === undefined || typeof value === 'boolean') return String(value);
  const { error, results } = value as { readonly error?: { readonly code: string }; readonly results?: readonly object[] };
  const failed = [value, ...(results ?? [])].flatMap((each) => (each as { readonly error?: { readonly code: string } }).error?.code ?? []);
  return (error ?? failed.length > 0) ? `failed: ${failed[0]}` : 'a value';
}

/** What a call came to: a value in words, the code of a SwarmchartError, or what must never be. */
async function outcomeOf({ clock }: Pick<Stage, 'clock'>, call: () => unknown): Promise<string> {
  let outcome = 'hangs';
  const settle = async () => {
    try {
      const value: unknown = await call();
      outcome = inWords(value);
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

/** What may come of it, and how it is called. */
type Row = readonly [allowed: string, call: (stage: Stage, given: never) => unknown];
/** By name: how each control is called with something in the place of one argument. */
const CONTROLS: Readonly<Record<string, Row>> = {
  'run.cancel(reason)': ['true | false | INVALID_INPUT', ({ run }, given) => run.cancel(given)],
  'run.setVariable(name)': ['true | INVALID_INPUT | UNSAFE_KEY', ({ run }, given) => run.setVariable(given, 1)],
  'run.setVariable(value)': ['true | INVALID_OUTPUT | UNSAFE_KEY', ({ run }, given) => run.setVariable('name', given)],
  'run.decide(stepId)': ['false', ({ run }, given) => run.decide(given, { decision: 'approve' })],
  'run.decide(decision)': ['INVALID_INPUT', ({ run }, given) => run.decide('ask', given)],
  'run.decide(value)': ['false | INVALID_INPUT', ({ run }, given) => run.decide('nobody', { decision: 'approve', value: given })],
  'run.signal(name)': ['true | INVALID_INPUT', ({ run }, given) => run.signal(given)],
  'run.signal(payload)': ['true | INVALID_INPUT', ({ run }, given) => run.signal('go', given)],
  'run.run(stepId)': ['undefined', ({ run }, given) => run.run(given)],
  'nested.cancel(reason)': ['true | false | INVALID_INPUT', ({ inner }, given) => inner.cancel(given)],
  'nested.setVariable(name)': ['true | INVALID_INPUT | UNSAFE_KEY', ({ inner }, given) => inner.setVariable(given, 1)],
  'nested.decide(stepId)': ['false', ({ inner }, given) => inner.decide(given, { decision: 'approve' })],
  'swarm.cancel(reason)': ['true | false | INVALID_INPUT', ({ swarm }, given) => swarm.cancel(given)],
  'swarm.decide(normId)': ['false', ({ swarm }, given) => swarm.decide(given, { decision: 'approve' })],
  'swarm.decide(decision)': ['INVALID_INPUT', ({ swarm }, given) => swarm.decide('norm', given)],
  'swarm.run(taskId)': ['undefined', ({ swarm }, given) => swarm.run(given)],
  ...Object.fromEntries(
    (['tier1', 'tier2', 'tier3'] as const).flatMap((tier): [string, Row][] => [
      [
        `${tier}.execute(request)`,
        ['INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_VALUE', ({ runtime }, given) => runtime[tier].execute(given)],
      ],
      [
        `${tier}.execute({ input })`,
        [
          'INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_OUTPUT | failed: INVALID_VALUE | failed: UNKNOWN_KEY | failed: UNSAFE_KEY | failed: WORKFLOW_INVALID',
          ({ runtime }, given) => runtime[tier].execute({ input: given }),
        ],
      ],
      [
        `${tier}.execute({ context })`,
        [
          'INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_VALUE',
          ({ runtime }, given) => runtime[tier].execute({ input: {} as never, context: given }),
        ],
      ],
      [
        `${tier}.execute({ options })`,
        [
          'INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_VALUE',
          ({ runtime }, given) => runtime[tier].execute({ input: {} as never, options: given }),
        ],
      ],
      [`${tier}.getExecutionStatus(id)`, ['undefined', ({ runtime }, given) => runtime[tier].getExecutionStatus(given)]],
      [`${tier}.pause(id)`, ['false', ({ runtime }, given) => runtime[tier].pause(given)]],
      [`${tier}.resume(id)`, ['false', ({ runtime }, given) => runtime[tier].resume(given)]],
      [`${tier}.cancelExecution(id)`, ['false', ({ runtime }, given) => runtime[tier].cancelExecution(given)]],
      [
        `${tier}.cancelExecution(reason)`,
        ['false | INVALID_INPUT', ({ runtime }, given) => runtime[tier].cancelExecution('nobody', given)],
      ],
    ]),
  ),
  'runtime.run(workflow)': [
    'failed: INVALID_VALUE | failed: LIMIT_EXCEEDED | failed: WORKFLOW_INVALID | failed: WORKFLOW_NOT_FOUND',
    ({ runtime }, given) => runtime.run(given).result(),
  ],
  'runtime.run(options)': ['INVALID_INPUT | failed: WORKFLOW_NOT_FOUND', ({ runtime }, given) => runtime.run('nothing', given).result()],
  'runtime.run({ input })': [
    'a value | failed: INVALID_INPUT | failed: INVALID_OUTPUT | failed: UNSAFE_KEY',
    ({ runtime }, given) => runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'quick' }] }, { input: given }).result(),
  ],
  'runtime.swarm(source)': [
    'failed: DECOMPOSITION_FAILED | failed: INVALID_INPUT | failed: INVALID_OUTPUT | failed: INVALID_VALUE | failed: UNSAFE_KEY | failed: WORKFLOW_INVALID',
    ({ runtime }, given) => runtime.swarm(given).result(),
  ],
  'runtime.swarm(options)': [
    'INVALID_INPUT | failed: DECOMPOSITION_FAILED',
    ({ runtime }, given) => runtime.swarm('a goal', given).result(),
  ],
  'runtime.swarm({ goal })': [
    'failed: INVALID_VALUE',
    ({ runtime }, given) => runtime.swarm({ id: 's', goal: 'g', tasks: [] }, { goal: given }).result(),
  ],
  'runtime.createWorkflow(definition)': [
    'INVALID_VALUE | LIMIT_EXCEEDED | SYNTAX_ERROR | WORKFLOW_INVALID | WORKFLOW_NOT_FOUND',
    ({ runtime }, given) => runtime.createWorkflow(given),
  ],
  'runtime.restore(facts)': ['INVALID_INPUT', ({ runtime }, given) => runtime.restore(given)],
  'runtime.restore([fact])': ['INVALID_INPUT', ({ runtime }, given) => runtime.restore([given])],
  'runtime.restoreSwarm(facts)': ['INVALID_INPUT', ({ runtime }, given) => runtime.restoreSwarm(given)],
  'agents.register(definition)': ['a value | INVALID_VALUE | WORKFLOW_INVALID', ({ runtime }, given) => runtime.agents.register(given)],
  'agents.register(definitions)': ['INVALID_VALUE | WORKFLOW_INVALID', ({ runtime }, given) => runtime.agents.register([given])],
  'agents.unregister(id)': ['false', ({ runtime }, given) => runtime.agents.unregister(given)],
  'agents.unregister(options)': ['false | INVALID_VALUE', ({ runtime }, given) => runtime.agents.unregister('nobody', given)],
  'agents.get(id)': ['undefined', ({ runtime }, given) => runtime.agents.get(given)],
  'agents.discover(criteria)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.agents.discover(given)],
  'agents.lease(options)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.agents.lease(given)],
  'agents.crash(id)': ['false', ({ runtime }, given) => runtime.agents.crash(given)],
  'agents.crash(thrown)': ['true | false', ({ runtime }, given) => runtime.agents.crash('ann', given)],
  'templates.createTemplate(template)': [
    'INVALID_VALUE | WORKFLOW_INVALID',
    ({ runtime }, given) => runtime.templates.createTemplate(given),
  ],
  'templates.instantiateFromTemplate(id)': ['TEMPLATE_NOT_FOUND', ({ runtime }, given) => runtime.templates.instantiateFromTemplate(given)],
  'templates.instantiateFromTemplate(parameters)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.templates.instantiateFromTemplate('known', given),
  ],
  'tasks.sequence(tasks)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.sequence(given).outcome()],
  'tasks.sequence([task])': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.sequence([given]).outcome()],
  'tasks.sequence(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.sequence([{ tool: 'quick' }], given).outcome(),
  ],
  'tasks.parallel(tasks)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.parallel(given).outcome()],
  'tasks.parallel(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.parallel([{ tool: 'quick' }], given).outcome(),
  ],
  'tasks.pipeline(stages)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.pipeline(given).outcome()],
  'tasks.pipeline(data)': [
    'INVALID_INPUT | failed: INVALID_OUTPUT | failed: UNSAFE_KEY',
    ({ runtime }, given) => runtime.tasks.pipeline([{ name: 'a', tool: 'quick' }], given).outcome(),
  ],
  'tasks.pipeline(options)': [
    'INVALID_INPUT | failed: INVALID_OUTPUT',
    ({ runtime }, given) => runtime.tasks.pipeline([{ name: 'a', tool: 'quick' }], {}, given).outcome(),
  ],
  'tasks.executeTask(task)': ['INVALID_INPUT | failed: INVALID_VALUE', ({ runtime }, given) => runtime.tasks.executeTask(given).outcome()],
  'tasks.executeTask(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.executeTask({ tool: 'quick' }, given).outcome(),
  ],
  'tasks.executeBatch(tasks)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.executeBatch(given).outcome()],
  'tasks.executeBatch(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.executeBatch([{ tool: 'quick' }], given).outcome(),
  ],
  'blackboard(id).get(key)': ['undefined', ({ runtime }, given) => runtime.blackboard('board').get(given)],
  'blackboard(id)': ['undefined', ({ runtime }, given) => runtime.blackboard(given).get('key')],
  'blackboard(id).set': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.blackboard(given).set('key', 1)],
  'blackboard.set(key)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').set(given, 1)],
  'blackboard.set(value)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').set('key', given)],
  'blackboard.set(condition)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.blackboard('board').set('key', 1, given)],
  'blackboard.append(key)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').append(given, 1)],
  'blackboard.append(item)': [
    'a value | INVALID_VALUE | UNSAFE_KEY',
    ({ runtime }, given) => runtime.blackboard('board').append('list', given),
  ],
  'blackboard.increment(amount)': [
    'a value | BLACKBOARD_TYPE_MISMATCH | INVALID_VALUE',
    ({ runtime }, given) => runtime.blackboard('board').increment('count', given),
  ],
  'blackboard.merge(members)': [
    'a value | BLACKBOARD_TYPE_MISMATCH | INVALID_VALUE | UNSAFE_KEY',
    ({ runtime }, given) => runtime.blackboard('board').merge('object', given),
  ],
  'blackboard.deepMerge(members)': [
    'a value | BLACKBOARD_TYPE_MISMATCH | INVALID_VALUE | UNSAFE_KEY',
    ({ runtime }, given) => runtime.blackboard('board').deepMerge('object', given),
  ],
  'blackboard.delete(key)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').delete(given)],
  'blackboard.delete(condition)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.blackboard('board').delete('key', given)],
  'tools.register(tool)': ['INVALID_VALUE', ({ runtime }, given) => runtime.tools.register(given)],
  'tools.get(name)': ['undefined', ({ runtime }, given) => runtime.tools.get(given)],
  'events.subscribe(pattern)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.subscribe(given, () => {})],
  'events.subscribe(handler)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.subscribe('tier2/**', given)],
  'supervisor.startChild(child)': ['failed: INVALID_SPEC', ({ supervisor }, given) => supervisor.startChild(given)],
  'supervisor.terminateChild(id)': ['failed: NOT_FOUND', ({ supervisor }, given) => supervisor.terminateChild(given)],
  'supervisor.restartChild(id)': ['failed: NOT_FOUND', ({ supervisor }, given) => supervisor.restartChild(given)],
  'supervisor.deleteChild(id)': ['failed: NOT_FOUND', ({ supervisor }, given) => supervisor.deleteChild(given)],
  'supervisor.child(id)': ['undefined', ({ supervisor }, given) => supervisor.child(given)],
  'supervisor.supervisor(id)': ['undefined', ({ supervisor }, given) => supervisor.supervisor(given)],
};

describe('anything at all as an argument', () => {
  it.each(Object.entries(CONTROLS))('of %s: an answer or a SwarmchartError', async (name, [allowed, call]) => {
    await using world = await stage();
    const wrong: string[] = [];
    for (const [what, make] of GARBAGE) {
      const outcome = await outcomeOf(world, () => call(world, make() as never));
      if (!allowed.split(' | ').includes(outcome)) wrong.push(`${what}: ${outcome}`);
    }
    expect(wrong.join('\n'), name).toBe('');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

/** One of everything that can be controlled, and what there is to give to a control. */

import { fromCallback } from 'xstate';
import { SwarmchartError, startSupervisor } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { hostileWorld } from '../runtime/hostile-world.ts';
import { cyclic, refuse, revoked } from '../support/garbage.ts';

const LATE_MS = 60_000;
const untilAborted = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

/** A runtime with one of everything that lives. */
export async function stage() {
  const world = await hostileWorld(untilAborted, {
    options: {
      tools: [
        { name: 'hostile', breaker: false, run: untilAborted },
        { name: 'quick', run: () => 'done' },
        { name: 'deaf', run: () => new Promise(() => {}) },
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
export type Stage = Awaited<ReturnType<typeof stage>>;

/** Results and answers that say no are told by their codes. */
function inWords(value: unknown): string {
  if (value === undefined || typeof value === 'boolean') return String(value);
  const { error, results } = value as { readonly error?: { readonly code: string }; readonly results?: readonly object[] };
  const failed = [value, ...(results ?? [])].flatMap((each) => (each as { readonly error?: { readonly code: string } }).error?.code ?? []);
  return (error ?? failed.length > 0) ? `failed: ${failed[0]}` : 'a value';
}

/** What a call came to: a value in words, the code of a SwarmchartError, or what must never be. */
export async function outcomeOf({ clock }: Pick<Stage, 'clock'>, call: () => unknown): Promise<string> {
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

const throwing = (target: object = {}): object =>
  new Proxy(target, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse, apply: refuse });

export const GARBAGE: readonly (readonly [string, () => unknown])[] = [
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

/** Stories for the simulation: workflows with every kind of step, and what a client may do to them. */

import type { AnyTool } from '../../src/index.ts';
import type { Control, Pick, Story, World } from '../../src/testing/testing.ts';

const CONTROLS: readonly Control[] = ['pause', 'resume', 'cancel', 'pause', 'resume', 'approve', 'retry', 'reject', 'abort'];

/** A chain, a parallel step under either failure policy, a conditional, an escalation, retries, a budget, few or many places. */
export function everyKind(pick: Pick): Story {
  return {
    workflow: {
      id: 'every-kind',
      retry: { maxRetries: pick(3), backoff: { baseMs: 100 } },
      steps: [
        { id: 'first', tool: 'work', credits: '1' },
        { id: 'second', tool: 'work', dependencies: ['first'], credits: '2' },
        {
          id: 'branches',
          type: 'parallel',
          dependencies: ['first'],
          onBranchFailure: pick(2) === 0 ? 'fail-fast' : 'collect',
          onFailure: pick(2) === 0 ? 'stop' : 'continue',
          ...(pick(2) === 0 && { maxConcurrency: 1 }),
          steps: [
            { id: 'left', tool: 'suspendable' },
            { id: 'right', tool: 'work' },
            { id: 'after-left', tool: 'work', dependencies: ['left'] },
          ],
        },
        { id: 'asked', tool: 'work', dependencies: ['second'], fallbacks: [{ on: 'any', action: 'escalate-to-human' }] },
        { id: 'replaced', tool: 'work', fallbacks: [{ on: 'any', action: 'use-tool', tool: 'suspendable' }], onFailure: 'continue' },
        {
          id: 'choice',
          type: 'conditional',
          dependencies: ['second'],
          condition: 'input.wanted',
          then: [{ id: 'chosen', tool: 'suspendable' }],
          else: [{ id: 'other', tool: 'work' }],
        },
      ],
    },
    input: { wanted: pick(2) === 0 },
    allocation: { maxCredits: pick(4) === 0 ? '4' : '1000', maxConcurrentSteps: 1 + pick(4) },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang', 'deaf']),
      world.tool('suspendable', ['succeed', 'checkpoint', 'checkpoint', 'fail'], { onPause: 'suspend' }),
    ],
    ...(pick(3) === 0 && { crashes: { at: ['tier2/**', 'tier3/**'], most: 1 + pick(3) } }),
    controls: Array.from({ length: pick(5) }, () => CONTROLS[pick(CONTROLS.length)] ?? 'pause'),
  };
}

const NESTED_CONTROLS: readonly Control[] = [
  ...CONTROLS,
  'pauseRun',
  'resumeRun',
  'cancelRun',
  'signal',
  'pause',
  'resume',
  'pauseSystem',
  'resumeSystem',
];

/** Runs within runs: a nested run, a map, a loop, waits for a time, a signal and a person, and compensations for some of their steps. */
export function runsWithinRuns(pick: Pick): Story {
  const work = (id: string, more: object = {}) => ({ id, tool: pick(2) === 0 ? 'work' : 'suspendable', ...more });
  const maybe = (more: object) => (pick(2) === 0 ? more : {});
  const compensate = { compensate: { tool: pick(2) === 0 ? 'undo' : 'work' } };
  const steps = [
    work('first', { credits: '1', ...maybe(compensate) }),
    {
      id: 'inner',
      type: 'workflow',
      dependencies: ['first'],
      ...maybe({ when: 'input.wanted' }),
      ...maybe({ onFailure: 'continue' }),
      ...maybe(compensate),
      workflow: {
        id: 'within',
        retry: 1,
        steps: [
          work('a', maybe(compensate)),
          { id: 'go', type: 'wait', signal: 'go', dependencies: ['a'], timeout: 60_000, ...maybe({ onFailure: 'continue' }) },
          { id: 'deep', type: 'workflow', workflow: { id: 'deepest', steps: [work('b', { credits: '1', ...maybe(compensate) })] } },
        ],
      },
    },
    {
      id: 'each',
      type: 'map',
      over: [1, 2, 3],
      maxConcurrency: 1 + pick(3),
      onBranchFailure: pick(2) === 0 ? 'fail-fast' : 'collect',
      ...maybe({ onFailure: 'continue' }),
      steps: [
        work('c', { parameters: { item: '{{item}}' }, ...maybe(compensate) }),
        ...(pick(3) === 0 ? [{ id: 'nod', type: 'wait', approval: true }] : []),
      ],
    },
    {
      id: 'again',
      type: 'loop',
      dependencies: ['first'],
      maxIterations: 1 + pick(3),
      ...maybe({ until: 'input.iteration >= 2' }),
      ...maybe({ onFailure: 'continue' }),
      steps: [work('d', { parameters: { n: '{{iteration}}' } })],
    },
    { id: 'nap', type: 'wait', duration: 1 + pick(5_000), ...maybe({ when: 'input.wanted' }) },
    { id: 'ask', type: 'wait', approval: true, dependencies: ['nap'], ...maybe({ timeout: 30_000 }), ...maybe({ onFailure: 'continue' }) },
  ];
  const kept = steps.filter(({ id }) => id === 'first' || id === 'nap' || pick(3) > 0);
  return {
    workflow: {
      id: 'runs-within-runs',
      retry: { maxRetries: pick(3), backoff: { baseMs: 100 } },
      steps: kept as unknown as NonNullable<Story['workflow']>['steps'],
    },
    input: { wanted: pick(2) === 0 },
    allocation: { maxCredits: pick(4) === 0 ? '3' : '1000', maxConcurrentSteps: 1 + pick(4) },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang']),
      world.tool('suspendable', ['succeed', 'succeed', 'checkpoint', 'fail'], { onPause: 'suspend' }),
      world.tool('undo', ['succeed', 'fail', 'hang']),
    ],
    ...(pick(3) === 0 && { crashes: { at: ['tier2/**', 'tier3/**'], most: 1 + pick(3) } }),
    controls: Array.from({ length: pick(6) }, () => NESTED_CONTROLS[pick(NESTED_CONTROLS.length)] ?? 'pause'),
  };
}

/** Where budgets are tight in every kind: tools that declare tokens and memory, and use more than that; nested runs, maps and loops that share them. */
export function tightBudgets(pick: Pick): Story {
  const maybe = (more: object) => (pick(2) === 0 ? more : {});
  const costs = () => ({
    ...maybe({ credits: String(pick(4)) }),
    ...maybe({ tokens: pick(40) }),
    ...maybe({ memoryMB: 1 + pick(60) }),
  });
  const work = (id: string, more: object = {}) => ({
    id,
    tool: pick(2) === 0 ? 'work' : 'model',
    onFailure: 'continue',
    ...costs(),
    ...more,
  });
  const fallbacks = [{ on: 'any', action: 'use-tool', tool: 'model' }];
  const compensate = { compensate: { tool: 'model' } };
  const steps = [
    work('first', maybe(compensate)),
    work('second', { ...maybe({ dependencies: ['first'] }), ...maybe({ fallbacks }) }),
    { id: 'both', type: 'parallel', ...maybe({ when: 'input.wanted' }), steps: [work('left'), work('right')] },
    {
      id: 'inner',
      type: 'workflow',
      onFailure: 'continue',
      ...maybe({ when: 'input.wanted' }),
      workflow: {
        id: 'within',
        steps: [
          work('a'),
          ...(pick(2) === 0 ? [{ id: 'nod', type: 'wait', approval: true, dependencies: ['a'] }] : []),
          work('b', maybe(compensate)),
        ],
      },
    },
    { id: 'each', type: 'map', over: [1, 2, 3], onFailure: 'continue', maxConcurrency: 1 + pick(3), steps: [work('c')] },
    { id: 'again', type: 'loop', maxIterations: 1 + pick(3), onFailure: 'continue', steps: [work('d')] },
    ...(pick(3) === 0 ? [{ id: 'last', tool: 'work', dependencies: ['inner'], credits: '2', tokens: 10 }] : []),
  ];
  const kept = steps.filter(({ id }) => id === 'first' || id === 'inner' || id === 'last' || pick(3) > 0);
  return {
    workflow: {
      id: 'tight-budgets',
      retry: { maxRetries: pick(3), backoff: { baseMs: 100 } },
      steps: kept as unknown as NonNullable<Story['workflow']>['steps'],
    },
    input: { wanted: pick(2) === 0 },
    allocation: {
      maxCredits: String(3 + pick(20)),
      maxMemoryMB: 60 + pick(60),
      maxConcurrentSteps: 1 + pick(4),
      ...maybe({ maxTokens: 40 + pick(200) }),
      ...maybe({ maxSteps: 1 + pick(14) }),
    },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang', 'deaf']),
      spending(world, world.tool('model', ['succeed', 'succeed', 'checkpoint', 'fail'], { onPause: 'suspend', tokens: 7, memoryMB: 20 })),
    ],
    controls: Array.from({ length: pick(5) }, () => NESTED_CONTROLS[pick(NESTED_CONTROLS.length)] ?? 'pause'),
  };
}

/** The same tool, which uses more than it declares: as much as is chosen. */
function spending(world: World, tool: AnyTool): AnyTool {
  return {
    ...tool,
    run: async (parameters, context) => {
      context.spend({
        tokens: world.choose([0, 0, 3, 30]),
        memoryMB: world.choose([1, 10, 20, 25]),
        credits: world.choose(['0', '0', '1']),
      });
      return tool.run(parameters, context);
    },
  };
}

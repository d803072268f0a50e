/** What a crashing process works at: runs with everything that a crash may interrupt, a swarm, a step of its own. Every result is always the same. */

import type { SwarmDefinition, WorkflowDefinition } from '../../src/index.ts';

export type Root = { readonly id: string } & (
  | { readonly kind: 'run'; readonly workflow: WorkflowDefinition }
  | { readonly kind: 'swarm'; readonly swarm: SwarmDefinition }
  | { readonly kind: 'step'; readonly tool: string }
);

/** The signal that somebody sends, and the one that nobody does. */
export const SIGNALS = { sent: 'go', never: 'never' } as const;

const retry = { maxRetries: 3, backoff: { baseMs: 4 } };
const step = (id: string, more: object = {}) => ({ id, tool: 'work', parameters: { of: id }, credits: '1', retry, ...more });
const flaky = (id: string, failures: number, more: object = {}) => step(id, { tool: 'flaky', parameters: { of: id, failures }, ...more });
const workflow = (id: string, steps: readonly object[]) => ({ id, steps }) as unknown as WorkflowDefinition;

/** A chain that somebody pauses, and resumes. */
const chain = workflow(
  'chain',
  Array.from({ length: 7 }, (_, index) => {
    const dependencies = index === 0 ? {} : { dependencies: [`s${index - 1}`] };
    return index % 3 === 2
      ? flaky(`s${index}`, 2, dependencies)
      : step(`s${index}`, { tool: index === 4 ? 'suspendable' : 'work', ...dependencies });
  }),
);

/** Everything that runs side by side. */
const wide = workflow('wide', [
  { id: 'branches', type: 'parallel', steps: [step('a'), flaky('b', 1), step('c', { dependencies: ['a'] }), flaky('d', 3), step('e')] },
  {
    id: 'each',
    type: 'map',
    over: [1, 2, 3, 4, 5, 6],
    maxConcurrency: 3,
    steps: [flaky('item', 1, { parameters: { of: '{{item}}', failures: 1 } })],
  },
  { id: 'again', type: 'loop', maxIterations: 3, steps: [step('turn', { parameters: { of: '{{iteration}}' } })] },
  {
    id: 'inner',
    type: 'workflow',
    workflow: workflow('within', [step('first'), { id: 'deep', type: 'workflow', workflow: workflow('deepest', [flaky('last', 2)]) }]),
  },
  step('end', { dependencies: ['branches', 'each', 'again', 'inner'], parameters: { of: '${each.result}' } }),
]);

/** Waits for a person, a signal and a time. */
const asks = workflow('asks', [
  step('before'),
  { id: 'approval', type: 'wait', approval: true, dependencies: ['before'] },
  { id: 'signal', type: 'wait', signal: SIGNALS.sent },
  { id: 'nap', type: 'wait', duration: 40 },
  step('after', { dependencies: ['approval', 'signal', 'nap'], parameters: { of: '${approval.result}' } }),
]);

/** Somebody cancels it, and what was done is undone. */
const undone = workflow('undone', [
  step('done', { compensate: { tool: 'work', parameters: { of: 'undone' } } }),
  { id: 'for-ever', type: 'wait', signal: SIGNALS.never, dependencies: ['done'] },
]);

const routine = (id: string) => ({ id, steps: [step('one'), flaky('two', 1, { dependencies: ['one'] })] });
const swarm = {
  id: 'swarm',
  goal: 'whatever comes',
  agents: [
    { id: 'ann', capabilities: ['gather'], maxConcurrentTasks: 2 },
    { id: 'bob', capabilities: ['gather', 'write'] },
  ],
  routines: { gather: routine('gathering'), write: routine('writing') },
  tasks: [
    { id: 'first', requiredCapabilities: ['gather'] },
    { id: 'second', requiredCapabilities: ['gather'] },
    { id: 'third', requiredCapabilities: ['write'], dependencies: ['first', 'second'] },
    { id: 'fourth', requiredCapabilities: ['gather'], dependencies: ['first'] },
  ],
} as unknown as SwarmDefinition;

/** Each of them so many times, at the same time. */
export const rootsOf = (copies: number): readonly Root[] =>
  Array.from({ length: copies }, (_, copy): readonly Root[] => [
    ...[chain, wide, asks, undone].map((each) => ({ id: `${each.id}-${copy}`, kind: 'run' as const, workflow: each })),
    { id: `swarm-${copy}`, kind: 'swarm', swarm },
    { id: `single-${copy}`, kind: 'step', tool: 'work' },
  ]).flat();

/** Stories of whole swarms: a few tasks over a few agents, what goes wrong with them, and what a client may do. */

import type { Control, Pick, Story } from '../../src/testing/testing.ts';

const CONTROLS: readonly Control[] = [
  'crash',
  'crash',
  'pause',
  'resume',
  'cancel',
  'pauseRun',
  'resumeRun',
  'cancelRun',
  'approve',
  'reject',
  'abort',
];

/** Dependent tasks, failures that another agent may mend, agents that crash, budgets, obligations and norms, few or many places. */
export function wholeSwarm(pick: Pick): Story {
  const step = (id: string, more: object = {}) => ({ id, tool: pick(3) === 0 ? 'suspendable' : 'work', ...more });
  const routine = (id: string) => ({
    id,
    retry: { maxRetries: pick(2), backoff: { baseMs: 100 } },
    steps: [
      step('one', { credits: '1' }),
      step('two', { dependencies: ['one'], ...(pick(4) === 0 && { fallbacks: [{ on: 'any', action: 'escalate-to-human' }] }) }),
      ...(pick(3) === 0 ? [{ id: 'both', type: 'parallel' as const, steps: [step('left'), step('right')] }] : []),
    ],
  });
  const onFailure = pick(2) === 0 ? ('stop' as const) : ('continue' as const);
  const task = (id: string, capability: string, dependencies: readonly string[] = []) => ({
    id,
    requiredCapabilities: [capability],
    dependencies: [...dependencies],
    estimatedComplexity: 1 + pick(10),
    maxAgents: 1 + pick(3),
    onFailure,
  });
  const both = { capabilities: ['gather', 'write'] };
  return {
    swarm: {
      id: 'simulated',
      goal: 'whatever comes',
      agents: [
        { id: 'a', capabilities: ['gather'], maxConcurrentTasks: 1 + pick(2) },
        { id: 'b', ...both },
        ...(pick(2) === 0 ? [{ id: 'c', ...both, maxConcurrentTasks: 2 }] : []),
      ],
      routines: { gather: routine('gathering'), write: routine('writing') },
      tasks: [
        task('first', 'gather'),
        task('second', 'gather'),
        task('third', 'write', ['first']),
        ...(pick(2) === 0 ? [task('fourth', 'write', ['second', 'third'])] : []),
      ],
      ...(pick(3) === 0 && { organization: organization(pick) }),
      maxConcurrentTasks: 1 + pick(3),
    },
    allocation: {
      maxCredits: pick(4) === 0 ? '4' : '1000',
      maxConcurrentSteps: 1 + pick(3),
      ...(pick(5) === 0 && { maxDurationMs: 60_000 }),
    },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang', 'deaf']),
      world.tool('suspendable', ['succeed', 'checkpoint', 'checkpoint', 'fail'], { onPause: 'suspend' }),
    ],
    controls: Array.from({ length: pick(6) }, () => CONTROLS[pick(CONTROLS.length)] ?? 'pause'),
  };
}

const organization = (pick: Pick) => ({
  roles: [
    { id: 'gatherer', capabilities: ['gather'] },
    { id: 'writer', capabilities: ['write'] },
  ],
  missions: [
    { id: 'gathering', tasks: ['first', 'second'] },
    { id: 'writing', tasks: ['third'] },
  ],
  norms: [
    { type: 'permission' as const, role: 'gatherer', mission: 'gathering' },
    { type: 'obligation' as const, role: 'writer', mission: 'writing', deadlineMs: pick(2) === 0 ? 1_000 : 100_000 },
    ...(pick(4) === 0 ? [{ type: 'prohibition' as const, role: 'gatherer', tools: ['suspendable'] }] : []),
  ],
});

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
      ...(pick(4) === 0 && { maxTokens: pick(60), maxSteps: 1 + pick(12), maxMemoryMB: 100 }),
    },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang', 'deaf'], { tokens: 5 }),
      world.tool('suspendable', ['succeed', 'checkpoint', 'checkpoint', 'fail'], { onPause: 'suspend', memoryMB: 60 }),
    ],
    ...(pick(3) === 0 && { crashes: { at: ['tier1/**', 'tier2/**', 'tier3/**', 'agent/leased', 'agent/released'], most: 1 + pick(3) } }),
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

const MORE_CONTROLS: readonly Control[] = [...CONTROLS, 'unregister', 'signal', 'signal', 'approve', 'pauseSystem', 'resumeSystem'];

/**
 * Swarms that share the agents of their runtime, with all that a task's run can be: agent steps, nested runs, waits, compensations. Planners
 * that fail once, or throw; hooks of agents that throw or never end; a journal that fails.
 */
export function sharedAgents(pick: Pick): Story {
  const maybe = (more: object) => (pick(2) === 0 ? more : {});
  const compensate = { compensate: { tool: 'work' } };
  const step = (id: string, more: object = {}) => ({ id, tool: pick(3) === 0 ? 'suspendable' : 'work', ...more });
  const agentStep = (id: string) => ({
    id,
    type: 'agent',
    capabilities: ['help'],
    tool: 'work',
    timeout: 20_000,
    ...maybe({ onFailure: 'continue' }),
  });
  const routine = (id: string) => ({
    id,
    retry: { maxRetries: pick(2), backoff: { baseMs: 100 } },
    steps: [
      step('one', { credits: '1', ...maybe(compensate) }),
      ...(pick(2) === 0 ? [agentStep('helped')] : []),
      ...(pick(3) === 0
        ? [{ id: 'go', type: 'wait', signal: 'go', dependencies: ['one'], timeout: 60_000, ...maybe({ onFailure: 'continue' }) }]
        : []),
      ...(pick(3) === 0 ? [{ id: 'ask', type: 'wait', approval: true }] : []),
      ...(pick(3) === 0 ? [{ id: 'nap', type: 'wait', duration: 1 + pick(5_000) }] : []),
      ...(pick(2) === 0
        ? [
            {
              id: 'inner',
              type: 'workflow',
              dependencies: ['one'],
              ...maybe(compensate),
              workflow: { id: 'within', steps: [step('a', maybe(compensate)), agentStep('b')] },
            },
          ]
        : []),
      ...(pick(3) === 0 ? [{ id: 'each', type: 'map', over: [1, 2], maxConcurrency: 1, steps: [step('c', maybe(compensate))] }] : []),
      ...(pick(3) === 0 ? [{ id: 'again', type: 'loop', maxIterations: 2, steps: [step('d')] }] : []),
    ],
  });
  const tasks = [
    {
      id: 'first',
      requiredCapabilities: ['gather'],
      estimatedComplexity: 1 + pick(10),
      maxAgents: 1 + pick(3),
      onFailure: pick(2) === 0 ? 'stop' : 'continue',
    },
    { id: 'second', requiredCapabilities: ['write'], maxAgents: 1 + pick(3), ...maybe({ dependencies: ['first'] }) },
    ...(pick(2) === 0 ? [{ id: 'third', requiredCapabilities: ['gather'], onFailure: 'continue' }] : []),
  ];
  const isPlanned = pick(3) === 0;
  const swarmOf = (id: string, more: object) =>
    ({
      id,
      goal: 'whatever comes',
      routines: { gather: routine('gathering'), write: routine('writing') },
      maxConcurrentTasks: 1 + pick(3),
      ...more,
    }) as unknown as NonNullable<Story['swarm']>;
  const all = { capabilities: ['gather', 'help', 'write'] };
  const answers = ['good', 'good', 'nonsense', 'throw'] as const;
  return {
    swarm: swarmOf('first', { ...maybe({ agents: [{ id: 'own', ...all }] }), ...(isPlanned ? {} : { tasks }) }),
    ...(pick(2) === 0 && { beside: swarmOf('second', { tasks }) }),
    ...(pick(6) === 0 && { failsAt: 1 + pick(60) }),
    allocation: {
      maxCredits: pick(4) === 0 ? '4' : '1000',
      maxConcurrentSteps: 1 + pick(3),
      ...(pick(5) === 0 && { maxDurationMs: 60_000 }),
    },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang', 'deaf']),
      world.tool('suspendable', ['succeed', 'checkpoint', 'checkpoint', 'fail'], { onPause: 'suspend' }),
    ],
    options: (world) => ({
      agents: [
        { id: 'a', ...all, maxConcurrentTasks: 1 + pick(2), initialize: () => world.moment('a is ready') },
        { id: 'b', ...all, heartbeat: { intervalMs: 5_000, check: () => world.choose([undefined, undefined, world.moment('b answers')]) } },
      ],
      faults: {
        agent: ({ at, agentId }) => {
          if (world.choose([false, false, false, false, false, false, false, true])) throw new Error(`${at} fault of ${agentId}`);
        },
      },
      ...(isPlanned && {
        planner: async () => {
          await world.moment('the planner answers');
          const answer = world.choose(answers);
          if (answer === 'throw') throw new Error('no idea');
          return answer === 'good' ? { subTasks: tasks } : { subTasks: 'nonsense' };
        },
      }),
    }),
    ...(pick(3) === 0 && { crashes: { at: ['tier1/**', 'tier2/**', 'tier3/**', 'agent/leased', 'agent/released'], most: 1 + pick(3) } }),
    controls: Array.from({ length: pick(6) }, () => MORE_CONTROLS[pick(MORE_CONTROLS.length)] ?? 'pause'),
  };
}

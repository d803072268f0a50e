/** Stories of failures that climb the ladder: recovery by class, other plans, people who must agree, and questions that expire. */

import type { Control, Pick, Story } from '../../src/testing/testing.ts';

const CONTROLS: readonly Control[] = ['pause', 'resume', 'cancel', 'approve', 'approve', 'retry', 'reject', 'abort', 'crash', 'jump'];

const controlsOf = (pick: Pick): Control[] => Array.from({ length: pick(6) }, () => CONTROLS[pick(CONTROLS.length)] ?? 'pause');
const policyOf = (pick: Pick) => ({
  ...(pick(2) === 0 && { role: 'lead' }),
  ...(pick(2) === 0 && { quorum: 2 }),
  ...(pick(2) === 0 && { timeout: 1_000 + pick(60_000) }),
});

const RUNGS = ['another-agent', 'replan', 'human'] as const;
const recoveryOf = (pick: Pick) => ({
  ...(pick(2) === 0 && {
    transient: {
      ...(pick(2) === 0 && { maxRetries: 1, backoff: { baseMs: 100 } }),
      ...(pick(3) === 0 && { fallback: pick(2) === 0 ? { action: 'escalate-to-human' as const, ...policyOf(pick) } : { action: 'use-tool' as const, tool: 'work' } }),
      ...(pick(3) === 0 && { escalation: RUNGS.filter(() => pick(2) === 0) }),
    },
  }),
});

/** A run whose steps ask people who must agree in time. */
export function askingRun(pick: Pick): Story {
  const asks = () => ({ fallbacks: [{ action: 'escalate-to-human' as const, ...policyOf(pick) }] });
  const onFailure = () => (pick(2) === 0 ? ('continue' as const) : ('stop' as const));
  return {
    workflow: {
      id: 'asking',
      steps: [
        { id: 'first', tool: 'work', ...asks(), onFailure: onFailure() },
        { id: 'second', tool: 'work', ...(pick(2) === 0 && asks()), onFailure: onFailure() },
        { id: 'ask', type: 'wait', dependencies: ['second'], approval: { quorum: 1 + pick(2), ...(pick(2) === 0 && { role: 'lead' }) }, timeout: 60_000, onFailure: onFailure() },
        {
          id: 'both',
          type: 'parallel',
          dependencies: ['first'],
          onBranchFailure: pick(2) === 0 ? 'fail-fast' : 'collect',
          steps: [{ id: 'left', tool: 'work', ...asks() }, { id: 'right', tool: 'work' }],
        },
      ],
    },
    tools: (world) => [world.tool('work', ['succeed', 'fail', 'fail', 'hang'], { breaker: false })],
    options: () => ({ recovery: recoveryOf(pick) }),
    controls: controlsOf(pick),
  };
}

/** A swarm whose planner may have other plans, or none, and people at its end. */
export function climbingSwarm(pick: Pick): Story {
  const onFailure = () => (pick(4) === 0 ? ('continue' as const) : ('stop' as const));
  const task = (id: string, dependencies: readonly string[] = []) => ({
    id,
    requiredCapabilities: ['work'],
    dependencies: [...dependencies],
    maxAgents: 1 + pick(2),
    onFailure: onFailure(),
  });
  const plans = [
    [task('a'), task('b'), task('c', ['a'])],
    [task('b'), task('d', ['b'])],
    [task('a'), task('e')],
  ];
  const answers = ['good', 'good', 'good', 'nonsense', 'throw'] as const;
  const isDutiful = pick(3) === 0;
  return {
    swarm: {
      id: 'climbing',
      goal: 'whatever comes',
      agents: [
        { id: 'ann', capabilities: ['work'], maxConcurrentTasks: 1 + pick(2) },
        { id: 'bob', capabilities: ['work'] },
      ],
      routines: {
        work: {
          id: 'working',
          steps: [
            { id: 'one', tool: 'work', credits: '1', ...(pick(4) === 0 && { fallbacks: [{ action: 'escalate-to-human' as const, ...policyOf(pick) }] }) },
            ...(pick(3) === 0 ? [{ id: 'ask', type: 'wait' as const, approval: { quorum: 1 + pick(2) }, timeout: 60_000 }] : []),
          ],
        },
      },
      ...(isDutiful && {
        organization: {
          roles: [{ id: 'worker', capabilities: ['work'] }],
          missions: [{ id: 'all', tasks: ['a', 'b'] }],
          norms: [{ type: 'obligation' as const, role: 'worker', mission: 'all', deadlineMs: 1 + pick(20_000) }],
        },
      }),
      escalation: { replans: pick(4), human: pick(3) > 0 && policyOf(pick) },
      maxConcurrentTasks: 1 + pick(3),
    },
    allocation: { maxCredits: pick(4) === 0 ? '6' : '1000', ...(pick(6) === 0 && { maxDurationMs: 60_000 }) },
    tools: (world) => [world.tool('work', ['succeed', 'succeed', 'fail', 'fail', 'hang'], { breaker: false })],
    options: (world) => ({
      recovery: recoveryOf(pick),
      faults: {
        agent: ({ at, agentId }) => {
          if (at === 'assigned' && world.choose([false, false, false, true])) throw new Error(`${at} fault of ${agentId}`);
        },
      },
      planner: async ({ round }) => {
        await world.moment('the planner answers');
        const answer = round === 0 ? 'good' : world.choose(answers);
        if (answer === 'throw') throw new Error('no idea');
        return answer === 'good' ? { subTasks: plans[round % plans.length] } : { subTasks: 'nonsense' };
      },
    }),
    controls: controlsOf(pick),
  };
}

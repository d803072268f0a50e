import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { swarmMachine } from '../../src/machines/machines.ts';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION } from '../../src/machines/protocol/execution.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { aSwarm, obligationOf, type TaskSpec } from './paths/goals.ts';
import { retries } from './paths/jobs.ts';
import { swarm } from './paths/swarms.ts';
import { anyWalk, walk, walkPaths } from './paths/walks.ts';

const refusal = executionError('INVALID_INPUT', 'It has two agents "a"', 'tier1');
const violation = { normId: 'n', message: 'Coders must not delete' };
const unread: TaskSpec = { parameters: { from: '{{missing}}' } };

const one: TaskSpec = { maxAgents: 1 };
/** Nothing comes of it. */
const none: TaskSpec = { team: { violation }, onFailure: 'continue' };
const pair = { role: 'lead', quorum: 2, timeoutMs: 5_000 };
const duty = { obligations: [obligationOf('o', ['t0'], 10_000)] };
const CASES: Readonly<Record<string, ReturnType<typeof aSwarm>>> = {
  'a refusal': aSwarm({ tasks: [] }, { refusal }),
  'no task': aSwarm({ tasks: [] }),
  'one task': aSwarm({ tasks: [one], isNoisy: true }),
  'one task for two agents': aSwarm({ tasks: [{}], deaf: /waiting|continued|pause|resume/ }),
  'a chain whose first task may fail': aSwarm({
    tasks: [
      { ...one, onFailure: 'continue' },
      { ...one, after: [0] },
    ],
    deaf: /crashed|waiting|continued|pause|resume/,
  }),
  'two tasks, one at a time': aSwarm(
    { tasks: [one, { ...one, onFailure: 'continue' }], deaf: /crashed|waiting|continued|paused/ },
    { maxConcurrentTasks: 1 },
  ),
  'two tasks at once': aSwarm({ tasks: [one, one], deaf: /crashed|cancel|lost|^xstate/ }),
  'a task that a norm forbids': aSwarm({ tasks: [{ team: { violation }, onFailure: 'continue' }], deaf: /pause/ }),
  'a task that reads what does not exist': aSwarm({ tasks: [unread] }),
  'a task for which people are asked': aSwarm(
    { tasks: [one], deaf: /crashed|waiting|continued|lost|granted.|^xstate/ },
    { escalation: { replans: 0, human: {} } },
  ),
  'a task for which two people are asked, who have little time': aSwarm(
    { tasks: [one], deaf: /crashed|waiting|continued|lost|^xstate|retry|cancel/ },
    { escalation: { replans: 0, human: pair } },
  ),
  'a task for which two people are asked, beside other work': aSwarm(
    { tasks: [one, { ...one, onFailure: 'continue' }], deaf: /crashed|lost|refused|waiting|continued|^xstate|retry|abort|cancel/ },
    { escalation: { replans: 0, human: pair } },
  ),
  'a task that a person may abort, beside other work': aSwarm(
    { tasks: [one, { ...one, onFailure: 'continue' }], deaf: /crashed|lost|refused|waiting|continued|^xstate|retry|approve|reject|cancel/ },
    { escalation: { replans: 0, human: {} } },
  ),
  'another plan': aSwarm({ tasks: [one], deaf: /waiting|continued|lost/ }, { escalation: { replans: 1 } }),
  'another plan, while a run goes on': aSwarm(
    { tasks: [one, one], otherTasks: [none, none], isNoisy: true, deaf: /^xstate|cancel|pause|resume|decide/ },
    { escalation: { replans: 1 }, recovery: { validation: { ...retries(0), escalation: [] } } },
  ),
  'another plan, while two runs go on': aSwarm(
    { tasks: [one, one, one], otherTasks: [none, none, none], deaf: /^xstate|crashed|lost|refused|stopped|cancel|pause|resume|decide/ },
    { escalation: { replans: 1 }, recovery: { validation: { ...retries(0), escalation: [] } } },
  ),
  'another plan, else people': aSwarm(
    { tasks: [one, { ...one, onFailure: 'continue', after: [0] }], deaf: /crashed|waiting|continued|lost|refused|^xstate|cancel|retry/ },
    { escalation: { replans: 1, human: {} } },
  ),
  'another plan, with an obligation': aSwarm(
    { tasks: [one, one], otherTasks: [none, none], ...duty, deaf: /crashed|lost|refused|waiting|continued|pause|resume|cancel/ },
    { escalation: { replans: 1 }, maxConcurrentTasks: 2 },
  ),
  'an obligation': aSwarm({ tasks: [{ ...one, onFailure: 'continue' }], ...duty, deaf: /crashed|lost|refused/ }),
  'an obligation beside other work': aSwarm({
    tasks: [one, { ...one, after: [0] }],
    ...duty,
    deaf: /crashed|lost|waiting|continued|pause/,
  }),
};

const task: fc.Arbitrary<TaskSpec> = fc
  .record({
    after: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
    onFailure: fc.constantFrom('stop' as const, 'continue' as const),
    maxAgents: fc.integer({ min: 1, max: 3 }),
    complexity: fc.integer({ min: 1, max: 10 }),
    isForbidden: fc.nat(9).map((n) => n === 0),
    isUnread: fc.nat(9).map((n) => n === 0),
  })
  .map(({ isForbidden, isUnread, ...spec }) => ({ ...spec, ...(isForbidden && { team: { violation } }), ...(isUnread && unread) }));

const anySwarm = fc
  .record({
    tasks: fc.array(task, { minLength: 1, maxLength: 5 }),
    obliged: fc.array(fc.record({ tasks: fc.uniqueArray(fc.nat(4), { maxLength: 3 }), deadlineMs: fc.integer({ min: 1, max: 300 }) }), {
      maxLength: 2,
    }),
    maxConcurrentTasks: fc.constantFrom(1, 2, 10),
    maxCredits: fc.constantFrom('0', '5', '1000', `1${'0'.repeat(30)}`),
    maxDurationMs: fc.constantFrom(400, 1_000_000),
    escalation: fc.record({ replans: fc.integer({ min: 0, max: 2 }), human: fc.constantFrom(undefined, {}, pair, { timeoutMs: 50 }) }),
    rungs: fc.subarray(['another-agent', 'replan', 'human'] as const),
  })
  .map(({ tasks, obliged, maxConcurrentTasks, maxCredits, maxDurationMs, escalation: { replans, human }, rungs }) =>
    aSwarm(
      {
        isNoisy: true,
        tasks: tasks.map((spec, ordinal) => ({ ...spec, after: (spec.after ?? []).filter((other) => other < ordinal) })),
        obligations: obliged.map((duty, index) =>
          obligationOf(
            `o${index}`,
            duty.tasks.filter((ordinal) => ordinal < tasks.length).map((ordinal) => `t${ordinal}`),
            duty.deadlineMs,
          ),
        ),
      },
      {
        maxConcurrentTasks,
        allocation: { ...DEFAULT_ALLOCATION, maxCredits, maxDurationMs },
        escalation: { replans, ...(human && { human }) },
        recovery: { validation: { ...retries(0), escalation: rungs } },
      },
    ),
  );

describe('the swarm', () => {
  const recorder = new CoverageRecorder();

  it.for(Object.entries(CASES))('keeps its promises on generated paths: %s', ([, input]) => {
    walkPaths({ ...swarm, inputs: [input] }, recorder);
  });

  it('takes every transition on those paths', () => {
    const report = coverage(swarmMachine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('keeps its promises whatever its goal, whatever it hears, and through any crash', () => {
    fc.assert(
      fc.property(anySwarm, anyWalk, (input, strides) => {
        walk(swarm, input, strides);
      }),
      { numRuns: 400 },
    );
  });
});

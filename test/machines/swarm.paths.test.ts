import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION } from '../../src/machines/protocol/execution.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { EVERY_CHART } from './paths/every-chart.ts';
import { aSwarm, obligationOf, type TaskSpec } from './paths/goals.ts';
import { planOf } from './paths/plans.ts';
import { anyWalk, walk, walkPaths } from './paths/walks.ts';

const { machine, walks: swarm } = EVERY_CHART.swarm;
const refusal = executionError('INVALID_INPUT', 'It has two agents "a"', 'tier1');
const violation = { normId: 'n', message: 'Coders must not delete' };
const unread: TaskSpec = { parameters: { from: '{{missing}}' } };

const one: TaskSpec = { maxAgents: 1 };
const big: TaskSpec = { ...one, plan: planOf([{ memoryMB: 300 }]) };
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
  'two tasks, memory for one': aSwarm(
    { tasks: [big, { ...big, onFailure: 'continue' }], deaf: /crashed|cancel|waiting|continued|pause|^xstate/ },
    { allocation: { ...DEFAULT_ALLOCATION, maxMemoryMB: 500 } },
  ),
  'a task that a norm forbids': aSwarm({ tasks: [{ team: { violation }, onFailure: 'continue' }], deaf: /pause/ }),
  'a task that reads what does not exist': aSwarm({ tasks: [unread] }),
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
  })
  .map(({ tasks, obliged, maxConcurrentTasks, maxCredits, maxDurationMs }) =>
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
      { maxConcurrentTasks, allocation: { ...DEFAULT_ALLOCATION, maxCredits, maxDurationMs } },
    ),
  );

describe('the swarm', () => {
  const recorder = new CoverageRecorder();

  it.for(Object.entries(CASES))('keeps its promises on generated paths: %s', ([, input]) => {
    walkPaths({ ...swarm, inputs: [input] }, recorder);
  });

  it('takes every transition on those paths', () => {
    const report = coverage(machine, recorder);
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

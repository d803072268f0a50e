import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_BACKOFF } from '../../src/machines/protocol/plan.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { EVERY_CHART } from './paths/every-chart.ts';
import { retries } from './paths/jobs.ts';
import { OWN, planOf, type StepSpec, UNRESOLVED, WHEN } from './paths/plans.ts';
import { rerunFrom, reusing } from './paths/reruns.ts';
import { aRun, deafTo } from './paths/runs.ts';
import { anyWalk, walk, walkPaths } from './paths/walks.ts';

const { machine, walks: run } = EVERY_CHART.run;
const refusal = executionError('WORKFLOW_INVALID', 'It has two steps "a"', 'tier2');
const person = { on: 'any', action: 'escalate-to-human' } as const;
const pair = { on: 'any', action: 'escalate-to-human', role: 'lead', quorum: 2, timeoutMs: 1_000 } as const;
const value = { on: 'transient', action: 'use-value', value: 7 } as const;
const otherTool = { on: 'any', action: 'use-tool', tool: 'cache' } as const;
const skip = { on: 'any', action: 'skip' } as const;
/** Of what other cases hear enough. */
const QUIET = /set|crashed|children|retry|abort|cancel/;
const chain: readonly StepSpec[] = [{}, { after: [0] }];
const retry = { maxRetries: 1, backoff: DEFAULT_BACKOFF };

const CASES: Readonly<Record<string, ReturnType<typeof aRun>>> = {
  'one step': aRun([{}]),
  'a refusal': aRun([], {}, { refusal }),
  'no step': aRun([]),
  'a chain': aRun(chain),
  'a chain whose first step may fail': aRun([{ onFailure: 'continue' }, { after: [0] }]),
  'two steps, one at a time': aRun([{}, {}], { maxConcurrentSteps: 1 }),
  'two steps, credits for one': aRun([{}, {}], { maxCredits: '4' }),
  'two steps, memory for one': aRun([{ memoryMB: 300 }, { memoryMB: 300 }], { maxMemoryMB: 500 }),
  'two steps, of which one is allowed': aRun([{}, {}], { maxSteps: 1 }),
  'collecting branches': aRun([{ branches: [{}, {}] }, { after: [0] }]),
  'failing fast': aRun([{ branches: [{}, {}], onBranchFailure: 'fail-fast' }]),
  'branches, one at a time': aRun([{ branches: [{}, {}], maxConcurrency: 1 }]),
  'a condition': aRun([{ then: [{}], else: [{}] }]),
  'a person': aRun([{ fallbacks: [person] }]),
  'a person beside other work': aRun([{ fallbacks: [person] }, {}]),
  'two people who must agree': aRun([{ fallbacks: [pair] }]),
  'two people who must agree, beside other work': deafTo(QUIET, aRun([{ fallbacks: [pair] }, { onFailure: 'continue' }])),
  'two people for one of two branches': deafTo(
    /set|crashed|children|pause|resume|retry|abort|cancel/,
    aRun([{ branches: [{ fallbacks: [pair] }, {}], onBranchFailure: 'fail-fast' }]),
  ),
  'an approval by two people': deafTo(
    /set|crashed|children|pause|resume|continued/,
    aRun([{ ...OWN.approval, work: { kind: 'wait', for: { type: 'approval', quorum: 2 } } }]),
  ),
  'a fallback of the class of the error': aRun(
    [{ fallbacks: [value] }],
    {},
    { recovery: { validation: { ...retries(0), fallback: otherTool } } },
  ),
  'a value': aRun([{ fallbacks: [value] }, { after: [0] }]),
  'another tool, then a person': aRun([{ fallbacks: [otherTool, person] }]),
  'a skip': aRun([{ fallbacks: [skip] }, { after: [0] }]),
  'a person for a step that cannot start': aRun([{ ...UNRESOLVED, fallbacks: [person] }]),
  'another tool for a whole group': aRun([{ branches: [{}], fallbacks: [otherTool] }]),
  'a step that may crash once': aRun([{ retry }]),
  'a nested run': aRun([OWN.workflow]),
  'a nested run that may crash once': aRun([{ ...OWN.workflow, retry }]),
  'a wait that may crash once': aRun([{ ...OWN.approval, retry }]),
  'a nested run beside other work': aRun([OWN.workflow, {}]),
  'a map, if it is wanted': aRun([{ ...OWN.map, ...WHEN }]),
  'a map over nothing': aRun([OWN.emptyMap, { after: [0] }]),
  'a loop': aRun([OWN.loop]),
  'a loop that counts': aRun([OWN.count, { after: [0] }]),
  'a wait for a time': aRun([OWN.timer]),
  'a wait for a signal': aRun([OWN.signal, { after: [0] }]),
  'a wait for a person': aRun([OWN.approval]),
  'two steps that can be undone': aRun([OWN.undone, { after: [0], ...OWN.undone }]),
  'a step whose compensation cannot start': aRun([OWN.undoneWrongly, { after: [0] }]),
  'a group in a group that fails fast, one step at a time': aRun([{ branches: [{}, { branches: [{}] }], onBranchFailure: 'fail-fast' }], {
    maxConcurrentSteps: 1,
  }),
  'a rerun of the last of three steps': reusing(
    aRun([...chain, { after: [1], ...OWN.undone }]),
    { ordinal: 0 },
    { ordinal: 1, status: 'skipped' },
  ),
  'a rerun within branches, one at a time': reusing(aRun([{ branches: [{}, {}, { after: [0] }], maxConcurrency: 1 }]), { ordinal: 1 }),
  'a rerun within a condition that held': reusing(
    aRun([{ then: [{}, { after: [0] }], else: [{}] }, { after: [0] }]),
    { ordinal: 0, status: 'entered', branch: 'then' },
    { ordinal: 1 },
    { ordinal: 3, status: 'skipped' },
  ),
  'a rerun of a group of which nothing is left to do': reusing(
    aRun([{ branches: [{}, {}], ...WHEN }]),
    { ordinal: 0, status: 'entered' },
    { ordinal: 1 },
    { ordinal: 2, status: 'failed', error: executionError('EXECUTION_FAILED', 'It was down', 'tier3') },
  ),
};

const fallback = fc.constantFrom(person, pair, value, otherTool, skip, { on: 'any', action: 'fail' } as const);
const common = {
  after: fc.uniqueArray(fc.nat(3), { maxLength: 2 }),
  fallbacks: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(fallback, { maxLength: 2 }) }),
  onFailure: fc.constantFrom('stop' as const, 'continue' as const),
  retry: fc.constantFrom({ maxRetries: 0, backoff: DEFAULT_BACKOFF }, retry),
  onBranchFailure: fc.constantFrom('collect' as const, 'fail-fast' as const),
};
const { steps } = fc.letrec<{ step: StepSpec; steps: StepSpec[]; tool: StepSpec; parallel: StepSpec; conditional: StepSpec }>((tie) => ({
  step: fc.oneof({ maxDepth: 2 }, { weight: 3, arbitrary: tie('tool') }, tie('parallel'), tie('conditional')),
  steps: fc.array(tie('step'), { minLength: 1, maxLength: 3 }),
  tool: fc.oneof(
    { weight: 9, arbitrary: fc.record(common) },
    { weight: 1, arbitrary: fc.record(common).map((more) => ({ ...more, ...UNRESOLVED })) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.record(common), fc.constantFrom(...Object.values(OWN)), fc.constantFrom({}, WHEN))
        .map(([more, own, when]) => ({
          ...more,
          ...own,
          ...when,
        })),
    },
  ),
  parallel: fc
    .record({ ...common, branches: tie('steps'), maxConcurrency: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }) })
    .map(({ maxConcurrency, ...more }) => (maxConcurrency === undefined ? more : { ...more, maxConcurrency })),
  conditional: fc.record({ ...common, then: tie('steps'), else: fc.oneof(fc.constant([]), tie('steps')) }),
}));
const anyRun = fc
  .record({ steps, maxConcurrentSteps: fc.constantFrom(1, 2, 20), maxCredits: fc.constantFrom('8', '1000') })
  .map(({ steps: specs, ...allocation }) => aRun(specs, allocation))
  .filter(({ job }) => job.plan.steps.length <= 12);

describe('the run', () => {
  const recorder = new CoverageRecorder();

  it.for(Object.entries(CASES))('keeps its promises on generated paths: %s', ([, input]) => {
    walkPaths({ ...run, inputs: [input] }, recorder);
  });

  it('takes every transition on those paths', () => {
    const report = coverage(machine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('keeps its promises whatever its plan, whatever it hears, and through any crash', () => {
    fc.assert(
      fc.property(anyRun, anyWalk, (input, strides) => {
        walk(run, input, strides);
      }),
      { numRuns: 400 },
    );
  });

  it('keeps its promises as a rerun of any run, left anywhere, from any step that was reached', () => {
    let reruns = 0;
    fc.assert(
      fc.property(anyRun, anyWalk, fc.nat(), anyWalk, (input, strides, from, more) => {
        const { allFacts } = walk(run, input, strides);
        const rerun = rerunFrom(input, allFacts, from % input.job.plan.steps.length);
        if (!rerun) return;
        walk(run, rerun, more);
        reruns++;
      }),
      { numRuns: 300 },
    );
    expect(reruns).toBeGreaterThan(50);
  });

  it('is planned as written', () => {
    const { steps: planned, sinks } = planOf([{ branches: [{}, {}] }, { after: [0] }]);
    expect(planned.map(({ id, parent, dependsOn }) => [id, parent, dependsOn])).toEqual([
      ['s0', undefined, []],
      ['s1', 0, []],
      ['s2', 0, []],
      ['s3', undefined, [0]],
    ]);
    expect(sinks).toEqual([3]);
  });
});

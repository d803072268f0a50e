import { describe, expect, it } from 'vitest';
import type { Plan, SubRun } from '../../../src/machines/protocol/plan.ts';
import { MAX_TIMEOUT_MS } from '../../../src/runtime/workflow/limits.ts';
import { defineWorkflow } from '../../../src/runtime/workflow/schema.ts';
import { awaitedBy, codesOf, fixture, planOf, problemsOf, registry, stepOf } from './load-for-test.ts';

const withSteps = (...steps: readonly object[]): object => ({ id: 'w', steps });
const echo = (id: string, more: object = {}): object => ({ id, tool: 'echo', ...more });
const workOf = <Kind extends SubRun['kind']>(plan: Plan, id: string, kind: Kind): Extract<SubRun, { readonly kind: Kind }> => {
  const { work } = stepOf(plan, id);
  if (work.kind !== kind) throw new Error(`${id} is ${work.kind}`);
  return work as Extract<SubRun, { readonly kind: Kind }>;
};

it('compiles the workflow that uses every key', () => {
  const plan = planOf(fixture('every-key.yml'));
  expect(plan.steps.map(({ id, type, work }) => `${id} ${type} ${work.kind}`).slice(-9)).toEqual([
    'keep module-operation module-operation',
    'fix agent tool',
    'each map map',
    'again loop loop',
    'publish workflow workflow',
    'pause wait wait',
    'morning wait wait',
    'merged wait wait',
    'release wait wait',
  ]);
});

describe('an agent step', () => {
  it('calls a tool under a lease on an agent with all the capabilities, or on this very one', () => {
    const plan = planOf(
      withSteps(
        { id: 'a', type: 'agent', tool: 'slow', capabilities: ['ts', 'review', 'ts'], parameters: { x: 1 } },
        { id: 'b', type: 'agent', tool: 'echo', agent: 'ada' },
      ),
      { registry },
    );
    expect(stepOf(plan, 'a')).toMatchObject({
      type: 'agent',
      timeoutMs: 90_000,
      credits: '7',
      retry: { maxRetries: 1 },
      work: { kind: 'tool', tool: 'slow', strategy: 'deterministic', parameters: { x: 1 }, lease: { capabilities: ['review', 'ts'] } },
    });
    expect(stepOf(plan, 'b').work).toMatchObject({ lease: { capabilities: [], agent: 'ada' } });
  });

  it.each([
    ['neither capabilities nor an agent', { type: 'agent', tool: 'echo' }, 'INVALID_VALUE'],
    ['no capability', { type: 'agent', tool: 'echo', capabilities: [] }, 'INVALID_VALUE'],
    ['no tool', { type: 'agent', agent: 'ada' }, 'INVALID_VALUE'],
    ['no type', { tool: 'echo', agent: 'ada' }, 'INVALID_VALUE'],
    ['an unknown tool', { type: 'agent', tool: 'nope', agent: 'ada' }, 'TOOL_NOT_FOUND'],
    ['an unknown strategy', { type: 'agent', tool: 'echo', agent: 'ada', strategy: 'psychic' }, 'UNKNOWN_STRATEGY'],
    ['a key of others', { type: 'agent', tool: 'echo', agent: 'ada', capability: 'x' }, 'UNKNOWN_KEY'],
  ])('is refused with %s', (_, step, code) => {
    expect(codesOf(withSteps({ id: 'a', ...step }), { registry })).toContain(code);
  });
});

describe('a map', () => {
  it('is a plan of its own, by the settings of the workflow around it', () => {
    const plan = planOf({
      id: 'w',
      version: '2.1.0',
      timeout: 7_000,
      retry: 2,
      steps: [
        echo('find'),
        {
          id: 'each',
          name: 'Each file',
          type: 'map',
          over: '${find.result.files}',
          maxConcurrency: 3,
          onBranchFailure: 'fail-fast',
          parameters: { top: '${find.result.top}' },
          steps: [
            echo('read', { parameters: { path: '{{item.path}}', at: '{{index}}', top: '{{top}}' } }),
            echo('sum', { dependencies: ['read'] }),
          ],
        },
      ],
    });
    expect(awaitedBy(plan, 'each')).toEqual(['find']);
    const each = stepOf(plan, 'each');
    expect(each).toMatchObject({
      timeoutMs: MAX_TIMEOUT_MS,
      credits: '0',
      fallbacks: [],
      maxConcurrency: 3,
      onBranchFailure: 'fail-fast',
      children: [],
    });
    expect(each.retry).toBeUndefined();
    const { plan: body, over, as, parameters } = workOf(plan, 'each', 'map');
    expect({ over, as, parameters }).toEqual({ over: '${find.result.files}', as: 'item', parameters: { top: '${find.result.top}' } });
    expect(body).toMatchObject({ id: 'w/each', name: 'Each file', version: '2.1.0', sinks: [1], metadata: {} });
    expect(body).not.toHaveProperty('inputs');
    expect(stepOf(body, 'read')).toMatchObject({ ordinal: 0, timeoutMs: 7_000, retry: { maxRetries: 2 } });
    expect(awaitedBy(body, 'sum')).toEqual(['read']);
  });

  it('goes through a list that is spelled out, whose items may be references', () => {
    const plan = planOf(withSteps(echo('a'), { id: 'm', type: 'map', over: ['x', '${a.result}', 3], as: 'word', steps: [echo('s')] }));
    expect(awaitedBy(plan, 'm')).toEqual(['a']);
    expect(workOf(plan, 'm', 'map')).toMatchObject({ over: ['x', '${a.result}', 3], as: 'word' });
  });

  it('lets the ids of its steps be those of others', () => {
    const body = { type: 'map', over: '{{list}}', steps: [echo('a')] };
    expect(problemsOf(withSteps(echo('a'), { id: 'm', ...body }, { id: 'n', ...body }))).toEqual([]);
    expect(problemsOf(withSteps({ id: 'm', ...body, steps: [echo('a'), echo('a')] }))).toEqual([
      'steps[0].steps[1].id The id "a" is already taken by an earlier step.',
    ]);
  });

  it('keeps its steps to itself', () => {
    const map = { id: 'm', type: 'map', over: [], steps: [echo('inside')] };
    expect(problemsOf(withSteps(map, echo('z', { parameters: { x: '${inside.result}' }, dependencies: ['insid'] })))).toEqual([
      'steps[1].dependencies[0] There is no step "insid".',
      'steps[1].parameters.x There is no step "inside". The one in "m" cannot be read outside of it: what comes of it is in the result of "m".',
    ]);
  });

  it('has all its problems reported at once, with their places', () => {
    const text = `id: w
input: { files: { type: array } }
steps:
  - { id: out, tool: echo }
  - id: each
    type: map
    over: some {{files}}
    as: a.b
    maxConcurency: 3
    parameters: { index: 1, limit: '{{filez}}' }
    steps:
      - { id: s, tool: ecko, parameters: { a: '{{item}}', b: '{{limit}}', c: '{{limits}}', d: '\${out.result}' } }
      - { id: t, tool: echo, dependencies: [out, z], when: steps.out.result == 1 }
      - { id: u, tool: echo, dependencies: [u] }
`;
    expect(problemsOf(text, { registry })).toEqual([
      '7:11 steps[1].over "some {{files}}" is not one reference, such as "${find.result.files}".',
      '8:9 steps[1].as A name that can be read as {{name}} has no dots, brackets, braces, quotes or spaces; it is "a.b".',
      '9:5 steps[1].maxConcurency "maxConcurency" means nothing here. Did you mean "maxConcurrency"?',
      '10:26 steps[1].parameters.index The steps within read something else as {{index}}: choose another name.',
      '10:36 steps[1].parameters.limit There is no input "filez". Did you mean "files"?',
      '12:24 steps[1].steps[0].tool There is no tool "ecko". Did you mean "echo"?',
      '12:78 steps[1].steps[0].parameters.c There is no input "limits". Did you mean "limit"?',
      '12:95 steps[1].steps[0].parameters.d There is no step "out" in "each". The one outside of "each" cannot be read in it: hand over what is needed in the parameters of "each".',
      '13:45 steps[1].steps[1].dependencies[0] There is no step "out" in "each". The one outside of "each" cannot be read in it: hand over what is needed in the parameters of "each".',
      '13:50 steps[1].steps[1].dependencies[1] There is no step "z" in "each". Did you mean "s"?',
      '13:60 steps[1].steps[1].when There is no step "out" in "each". The one outside of "each" cannot be read in it: hand over what is needed in the parameters of "each".',
      '14:45 steps[1].steps[2].dependencies[0] Step "u" waits for itself: u → u.',
    ]);
  });

  it.each([
    ['no list', { over: 5 }, '"over" is a list, or a reference to one; it is 5.'],
    ['nothing to go through', {}, '"over" is required.'],
    ['no steps', { over: [], steps: undefined }, '"steps" is required.'],
    ['an empty body', { over: [], steps: [] }, 'There is no step.'],
    ['retries', { over: [], retry: 3 }, '"retry" means nothing here.'],
    ['a name that reaches a prototype', { over: [], as: 'constructor' }, 'This name is taken'],
  ])('is refused with %s', (_, fields, message) => {
    expect(problemsOf(withSteps({ id: 'm', type: 'map', steps: [echo('s')], ...fields }))).toEqual([expect.stringContaining(message)]);
  });
});

describe('a loop', () => {
  it('ends by a condition over its own steps, or after so many iterations', () => {
    const plan = planOf(
      withSteps(echo('seed'), {
        id: 'again',
        type: 'loop',
        maxIterations: 10,
        until: 'steps.check.result.ok == true && input.iteration > 2',
        parameters: { seed: '${seed.result}' },
        steps: [echo('check', { parameters: { n: '{{iteration}}', before: '{{previous}}', seed: '{{seed}}' } })],
      }),
    );
    expect(awaitedBy(plan, 'again')).toEqual(['seed']);
    expect(workOf(plan, 'again', 'loop')).toMatchObject({
      maxIterations: 10,
      until: { type: 'expression', expression: 'steps.check.result.ok == true && input.iteration > 2', steps: ['check'] },
      plan: { id: 'w/again', sinks: [0] },
    });
    expect(workOf(planOf(withSteps({ id: 'l', type: 'loop', maxIterations: 2, steps: [echo('s')] })), 'l', 'loop')).not.toHaveProperty(
      'until',
    );
  });

  it.each([
    ['no bound', { maxIterations: undefined }, 'steps[1].maxIterations "maxIterations" is required.'],
    ['too many iterations', { maxIterations: 10_001 }, 'steps[1].maxIterations Expected at most 10000; it is 10001.'],
    ['no iteration', { maxIterations: 0 }, 'steps[1].maxIterations Expected at least 1; it is 0.'],
    ['a condition on a step outside', { until: 'steps.out.result == 1' }, 'steps[1].until There is no step "out" in "l". The one outside'],
    [
      'a condition on an unknown input',
      { until: 'input.iterations == 1' },
      'steps[1].until There is no input "iterations". Did you mean "iteration"?',
    ],
    ['a broken condition', { until: 'steps.s.' }, 'steps[1].until'],
    [
      'a parameter that the loop sets',
      { parameters: { previous: 1 } },
      'steps[1].parameters.previous The steps within read something else',
    ],
  ])('is refused with %s', (_, fields, message) => {
    const steps = [echo('out'), { id: 'l', type: 'loop', maxIterations: 3, steps: [echo('s')], ...fields }];
    expect(problemsOf({ id: 'w', input: {}, steps })).toEqual([expect.stringContaining(message)]);
  });
});

describe('a wait', () => {
  it.each([
    [{ duration: 0 }, { type: 'timer', durationMs: 0 }],
    [{ until: '2026-11-21T09:30:00Z' }, { type: 'time', at: '2026-11-21T09:30:00Z' }],
    [{ until: '{{deadline}}' }, { type: 'time', at: '{{deadline}}' }],
    [{ signal: 'order/paid' }, { type: 'signal', name: 'order/paid' }],
    [{ approval: true }, { type: 'approval' }],
    [{ approval: { prompt: 'Ship it?', role: 'lead' } }, { type: 'approval', prompt: 'Ship it?', role: 'lead' }],
  ])('for %j', (fields, awaited) => {
    const step = stepOf(planOf(withSteps({ id: 'p', type: 'wait', ...fields })), 'p');
    expect(step).toMatchObject({ type: 'wait', timeoutMs: MAX_TIMEOUT_MS });
    expect(step.work).toEqual({ kind: 'wait', for: awaited });
  });

  it('asks with what a step yields, after that step', () => {
    const approval = { prompt: 'Publish ${a.result.title}?' };
    expect(awaitedBy(planOf(withSteps(echo('a'), { id: 'p', type: 'wait', approval })), 'p')).toEqual(['a']);
  });

  it('until a moment that a step yields waits for the step', () => {
    expect(awaitedBy(planOf(withSteps(echo('a'), { id: 'p', type: 'wait', until: '${a.result.at}' })), 'p')).toEqual(['a']);
  });

  it.each([
    ['nothing to wait for', {}, 'steps[0] A wait step needs exactly one of duration, until, signal, approval.'],
    ['two things', { duration: 5, signal: 's' }, 'exactly one of duration, until, signal, approval, not of duration and signal.'],
    [
      'a moment without a time zone',
      { until: '2026-11-21T09:30:00' },
      'steps[0].until "2026-11-21T09:30:00" is neither a moment with its time zone',
    ],
    ['a day that does not exist', { until: '2026-13-41T09:30:00Z' }, 'is neither a moment'],
    ['a timer that could time out', { duration: 5, timeout: 3 }, 'steps[0].timeout Only a wait for a signal or an approval can time out.'],
    [
      'an approval that is off',
      { approval: false },
      'steps[0].approval "approval" is true, or an object with a prompt, a role or a quorum; it is false.',
    ],
    ['an approval with a misspelt key', { approval: { promt: 'x' } }, '"promt" means nothing here. Did you mean "prompt"?'],
    ['a signal with a reference', { signal: 'paid-{{order}}' }, 'The name of a signal has no braces'],
    ['retries', { duration: 1, retries: 2 }, '"retry" means nothing here.'],
  ])('is refused with %s', (_, fields, message) => {
    expect(problemsOf(withSteps({ id: 'p', type: 'wait', ...fields })).join('\n')).toContain(message);
  });
});

describe('a compensation', () => {
  it('takes its settings from itself, then its tool or the workflow; it waits for nobody', () => {
    const plan = planOf(
      {
        id: 'w',
        timeout: 4_000,
        steps: [
          echo('book', { compensate: { tool: 'slow', parameters: { id: '${book.result.id}', later: '${pay.status}' } } }),
          echo('pay', { dependencies: ['book'], compensate: { tool: 'echo', timeout: 9, retries: 2 } }),
        ],
      },
      { registry },
    );
    expect(awaitedBy(plan, 'book')).toEqual([]);
    expect(stepOf(plan, 'book').compensation).toMatchObject({
      tool: 'slow',
      parameters: { id: '${book.result.id}', later: '${pay.status}' },
      timeoutMs: 90_000,
      credits: '7',
      retry: { maxRetries: 1 },
    });
    expect(stepOf(plan, 'pay').compensation).toMatchObject({
      tool: 'echo',
      parameters: {},
      timeoutMs: 9,
      credits: '0',
      retry: { maxRetries: 2 },
    });
  });

  it('is refused where no work is done, and with problems of its own', () => {
    const workflow = withSteps(
      { id: 'p', type: 'parallel', compensate: { tool: 'echo' }, steps: [echo('s')] },
      { id: 'q', type: 'wait', duration: 1, compensate: { tool: 'echo' } },
      echo('r', { compensate: { tool: 'ecko', parameters: { x: '${nobody.result}' }, retryy: 1 } }),
    );
    expect([...problemsOf(workflow, { registry })].sort()).toEqual([
      'steps[0].compensate "compensate" means nothing here.',
      'steps[1].compensate "compensate" means nothing here.',
      'steps[2].compensate.parameters.x There is no step "nobody".',
      'steps[2].compensate.retryy "retryy" means nothing here. Did you mean "retry"?',
      'steps[2].compensate.tool There is no tool "ecko". Did you mean "echo"?',
    ]);
  });
});

it('takes each kind from an author in TypeScript', () => {
  const workflow = defineWorkflow({
    id: 'typed',
    steps: [
      { id: 'a', type: 'agent', tool: 'echo', capabilities: ['x'], compensate: { tool: 'echo' } },
      { id: 'm', type: 'map', over: '${a.result}', steps: [{ id: 's', tool: 'echo' }] },
      { id: 'l', type: 'loop', maxIterations: 2, until: 'steps.s.result == 1', steps: [{ id: 's', tool: 'echo' }] },
      { id: 'c', type: 'workflow', workflow: { steps: [{ id: 's', tool: 'echo' }] } },
      { id: 'w', type: 'wait', approval: true },
    ],
  });
  expect(planOf(workflow).steps.map(({ type }) => type)).toEqual(['agent', 'map', 'loop', 'workflow', 'wait']);
});

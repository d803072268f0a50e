import { describe, expect, it } from 'vitest';
import { DEFAULT_BACKOFF } from '../../../src/machines/protocol/plan.ts';
import { defineWorkflow } from '../../../src/runtime/workflow/schema.ts';
import { awaitedBy, chainOf, planOf, problemsOf, registry, stepOf } from './load-for-test.ts';

const withSteps = (...steps: readonly object[]): object => ({ id: 'w', steps });

describe('what waits for what', () => {
  it('takes every reference for a dependency', () => {
    const plan = planOf(
      withSteps(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => ({ id, tool: 'echo' })), {
        id: 'z',
        tool: 'echo',
        dependencies: ['a'],
        parameters: { deep: [{ x: 'see ${b.result.x}' }] },
        parametersFrom: ['${c.result}'],
        when: [
          'steps.d.result > 1',
          { type: 'step-result', stepId: 'e', operator: 'exists' },
          { type: 'custom', handler: 'h', steps: ['f'] },
        ],
        fallbacks: [{ action: 'use-tool', tool: 'echo', parameters: { x: '${g.status}', own: '${z.error.message}' } }],
      }),
    );
    expect(awaitedBy(plan, 'z')).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(stepOf(plan, 'a').dependents).toEqual([7]);
    expect(plan.sinks).toEqual([7]);
  });

  it('lifts an edge across groups to the outermost ancestors that are not shared', () => {
    const plan = planOf(
      withSteps(
        { id: 'out', tool: 'echo' },
        {
          id: 'p',
          type: 'parallel',
          steps: [
            { id: 'p1', type: 'parallel', steps: [{ id: 'in', tool: 'echo', parameters: { x: '${out.result}', y: '${side.result}' } }] },
            { id: 'side', tool: 'echo' },
          ],
        },
        { id: 'last', tool: 'echo', parameters: { x: '${in.result}' } },
      ),
    );
    expect(awaitedBy(plan, 'p')).toEqual(['out']);
    expect(awaitedBy(plan, 'p1')).toEqual(['side']);
    expect(awaitedBy(plan, 'in')).toEqual([]);
    expect(awaitedBy(plan, 'last')).toEqual(['p']);
  });

  it.each([
    [
      'a step that waits for its own group',
      { id: 'g', type: 'parallel', steps: [{ id: 'kid', tool: 'echo', dependencies: ['g'] }] },
      'g → kid → g',
    ],
    [
      'a group that waits for its own step',
      { id: 'g', type: 'conditional', condition: 'steps.kid.result == 1', then: { id: 'kid', tool: 'x' } },
      'g → kid → g',
    ],
  ])('refuses %s', (_, group, cycle) => {
    expect(problemsOf(withSteps(group))).toEqual([expect.stringContaining(`${cycle}.`)]);
  });

  it('prints the path of a cycle, also of one that only lifting makes', () => {
    expect(problemsOf(chainOf({ a: ['b'], b: ['c'], c: ['a'], d: ['a'] }))).toEqual([
      'steps[0].dependencies The steps wait for each other: a → b → c → a.',
    ]);
    const knot = withSteps(
      { id: 'p', type: 'parallel', steps: [{ id: 'x', tool: 'echo', parameters: { v: '${q2.result}' } }] },
      {
        id: 'q',
        type: 'parallel',
        steps: [
          { id: 'q1', tool: 'echo', dependencies: ['x'] },
          { id: 'q2', tool: 'echo' },
        ],
      },
    );
    expect(problemsOf(knot)).toEqual(['steps[0] The steps wait for each other: p → q → p.']);
  });

  it('prints only the ends of a long cycle', () => {
    const size = 5_000;
    const ring = Object.fromEntries(Array.from({ length: size }, (_, index) => [`s${index}`, [`s${(index + 1) % size}`]]));
    expect(problemsOf(chainOf(ring))).toEqual([expect.stringMatching(/s0 → s1 → .* → … 4980 more … → .*s4999 → s0\.$/)]);
  });
});

describe('the order of steps', () => {
  it('is priority, then declaration', () => {
    const priorities = ['low', 7, 'critical', undefined, 'medium', 'background', 'high'];
    const plan = planOf(
      withSteps(...priorities.map((priority, index) => ({ id: `s${index}`, tool: 'echo', ...(priority !== undefined && { priority }) }))),
    );
    expect(plan.byRank).toEqual([2, 6, 1, 3, 4, 0, 5]);
    expect(plan.steps.map(({ rank }) => plan.byRank[rank])).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe('settings', () => {
  it('come from the step, then its tool or its workflow, then the defaults', () => {
    const plan = planOf(
      {
        id: 'w',
        timeout: 40_000,
        retry: { maxRetries: 4, backoff: { strategy: 'linear' } },
        fallbacks: [{ on: 'any', action: 'skip' }],
        steps: [
          { id: 'own', tool: 'slow', timeout: 10, retries: 0, credits: 3, fallbacks: [] },
          { id: 'tools', tool: 'slow' },
          { id: 'workflows', tool: 'echo' },
          { id: 'group', type: 'parallel', steps: [{ id: 'child', tool: 'echo' }] },
        ],
      },
      { registry },
    );
    expect(stepOf(plan, 'own')).toMatchObject({ timeoutMs: 10, retry: { maxRetries: 0 }, credits: '3', fallbacks: [] });
    expect(stepOf(plan, 'tools')).toMatchObject({
      timeoutMs: 90_000,
      retry: { maxRetries: 4 },
      credits: '7',
      fallbacks: [{ action: 'skip' }],
    });
    expect(stepOf(plan, 'workflows')).toMatchObject({
      timeoutMs: 40_000,
      credits: '0',
      retry: { backoff: { ...DEFAULT_BACKOFF, strategy: 'linear' } },
    });
    expect(stepOf(plan, 'group').retry).toBeUndefined();
    expect(stepOf(plan, 'child')).toMatchObject({ timeoutMs: 40_000, parent: 3 });
  });

  it('use the policy of the tool where neither step nor workflow has one', () => {
    const plan = planOf(withSteps({ id: 'a', tool: 'slow' }, { id: 'b', tool: 'echo' }), { registry });
    expect(stepOf(plan, 'a').retry).toMatchObject({ maxRetries: 1, backoff: { strategy: 'fixed' } });
    expect(stepOf(plan, 'b').retry).toBeUndefined();
    expect(stepOf(plan, 'b').timeoutMs).toBe(30_000);
  });

  it('hold credits beyond what a number can', () => {
    expect(stepOf(planOf(withSteps({ id: 'a', tool: 'echo', credits: `1${'0'.repeat(30)}` })), 'a').credits).toBe(`1${'0'.repeat(30)}`);
  });

  it('default to version 1.0.0, the id as name, and keep triggers and metadata', () => {
    const plan = planOf({ ...withSteps({ id: 'a', tool: 'echo' }), triggers: [{ event: 'x' }], metadata: { owner: 'me' } });
    expect(plan).toMatchObject({ id: 'w', name: 'w', version: '1.0.0', metadata: { owner: 'me', triggers: [{ event: 'x' }] } });
  });
});

it('takes a workflow that TypeScript has checked', () => {
  const workflow = defineWorkflow({
    id: 'typed',
    steps: [
      { id: 'a', tool: 'echo', priority: 'high', when: 'input.go == true' },
      { id: 'c', type: 'conditional', condition: { type: 'custom', handler: 'h' }, then: { id: 't', tool: 'echo' } },
    ],
  });
  expect(planOf(workflow).steps.map(({ id }) => id)).toEqual(['a', 'c', 't']);
});

it('compiles as many steps as are allowed', () => {
  const steps = Array.from({ length: 20_000 }, (_, index) => ({
    id: `s${index}`,
    tool: 'echo',
    ...(index > 0 && { parameters: { x: `\${s${index - 1}.result}` } }),
  }));
  expect(planOf(withSteps(...steps)).steps).toHaveLength(20_000);
});

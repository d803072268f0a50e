import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/machines/protocol/plan.ts';
import { extentOf } from '../../../src/runtime/workflow/extent.ts';
import { MAX_TIMEOUT_MS } from '../../../src/runtime/workflow/limits.ts';
import { loadWorkflow, loadWorkflows } from '../../../src/runtime/workflow/load.ts';
import { codesOf, planOf, problemsOf, registry, stepOf } from './load-for-test.ts';

const echo = (id: string, more: object = {}): object => ({ id, tool: 'echo', ...more });
const call = (id: string, workflow: unknown, more: object = {}): object => ({ id, type: 'workflow', workflow, ...more });
const calledBy = (plan: Plan | undefined, id: string): Plan => {
  const { work } = stepOf(plan as Plan, id);
  if (work.kind !== 'workflow') throw new Error(`${id} is ${work.kind}`);
  return work.plan;
};

describe('a step that names a workflow', () => {
  it('finds one of the same file, before or after it', () => {
    const text = `workflows:
  release: { steps: [{ id: t, type: workflow, workflow: test, parameters: { path: src } }, { id: b, type: workflow, workflow: build, dependencies: [t] }] }
  test: { input: { path: { type: string } }, steps: [{ id: run, tool: echo, parameters: { path: '{{path}}' } }] }
  build: { steps: [{ id: first, type: workflow, workflow: test, parameters: { path: lib } }] }
`;
    const { workflows, issues } = loadWorkflows(text, { registry });
    expect(issues).toEqual([]);
    expect(workflows.map(({ plan }) => plan.id)).toEqual(['release', 'test', 'build']);
    const [release, test] = workflows.map(({ plan }) => plan);
    expect(calledBy(release, 't')).toBe(test);
    expect(calledBy(calledBy(release, 'b'), 'first')).toBe(test);
    expect(stepOf(release as Plan, 't')).toMatchObject({ timeoutMs: MAX_TIMEOUT_MS, credits: '0', work: { parameters: { path: 'src' } } });
    expect(extentOf(release as Plan)).toEqual({ steps: 5, levels: 3 });
  });

  it('finds one that was created before, unless the file has one of that id', () => {
    const steps = [call('c', 'created', { parameters: { path: 'x' } })];
    expect(calledBy(planOf({ id: 'w', steps }, { registry }), 'c').inputs).toEqual({
      path: { type: 'string' },
      depth: { type: 'number', default: 1 },
    });
    const own = { id: 'created', steps: [echo('own')] };
    const { workflows } = loadWorkflows([own, { id: 'w', steps }], { registry });
    expect(calledBy(workflows[1]?.plan, 'c').steps.map(({ id }) => id)).toEqual(['own']);
  });

  it('is refused when there is none, also without a registry', () => {
    const workflow = { id: 'w', steps: [call('c', 'creatde')] };
    expect(problemsOf(workflow, { registry })).toEqual(['steps[0].workflow There is no workflow "creatde". Did you mean "created"?']);
    expect(codesOf(workflow)).toEqual(['WORKFLOW_NOT_FOUND']);
  });

  it('hands over what the other one declares', () => {
    const workflow = (parameters: object) => ({
      id: 'w',
      input: { other: { type: 'number' } },
      steps: [call('c', 'created', { parameters })],
    });
    const issues = (parameters: object) =>
      loadWorkflows(workflow(parameters), { registry }).issues.map(({ code, message }) => `${code} ${message}`);
    expect(issues({ path: 'x' })).toEqual([]);
    expect(issues({ path: '{{other}}', depth: '{{other}}' })).toEqual([]);
    expect(issues({ depth: 'deep', pth: 'x' })).toEqual([
      'INVALID_PARAMETER_TYPE The input "depth" of "created" is no number but string.',
      'UNKNOWN_KEY The workflow "created" takes no input "pth". Did you mean "path"?',
      'MISSING_PARAMETER The workflow "created" requires the input "path" (string).',
    ]);
  });

  it('leaves to the run what nobody knows before', () => {
    expect(problemsOf({ id: 'w', steps: [call('c', 'created')] }, { registry })).toEqual([]);
    expect(problemsOf({ id: 'w', input: { path: { type: 'string' } }, steps: [call('c', 'created')] }, { registry })).toEqual([]);
    expect(problemsOf({ id: 'w', steps: [call('c', 'created')] }, { registry, inputNames: ['path'] })).toEqual([]);
  });
});

describe('a workflow within a step', () => {
  it('is one of its own: settings, inputs and ids of the one around it are not its', () => {
    const inner = { timeout: 50, input: { what: { type: 'string' } }, steps: [echo('a', { parameters: { x: '{{what}}' } })] };
    const plan = planOf({ id: 'w', timeout: 9, retry: 1, steps: [echo('a'), call('c', inner, { parameters: { what: '${a.result}' } })] });
    const called = calledBy(plan, 'c');
    expect(called).toMatchObject({ id: 'w/c', name: 'c', version: '1.0.0', inputs: { what: { type: 'string' } } });
    expect(stepOf(called, 'a')).toMatchObject({ timeoutMs: 50 });
    expect(stepOf(called, 'a').retry).toBeUndefined();
    expect(
      calledBy(planOf({ id: 'w', steps: [call('c', { ...inner, id: 'named', name: 'Named' }, { parameters: { what: '' } })] }), 'c'),
    ).toMatchObject({
      id: 'named',
      name: 'Named',
    });
  });

  it('may be of another dialect, and its problems are found where they stand', () => {
    const text = `id: w
steps:
  - id: out
    tool: echo
  - id: c
    type: workflow
    workflow:
      error-handling: { retry-policy: { max-retries: many } }
      dependencies: [{ from: z, to: t }]
      fallbacks: [{ action: use-tool, tool: ecko, parameters: { x: '\${t.result}' } }]
      tasks:
        - { id: t, action: ecko, parameters: { x: '\${out.result}' } }
`;
    expect(problemsOf(text, { registry })).toEqual([
      '8:54 steps[1].workflow.error-handling.retry-policy.max-retries Expected a number; it is "many".',
      '9:30 steps[1].workflow.dependencies[0].from There is no step "z" in "c". Did you mean "t"?',
      '10:45 steps[1].workflow.fallbacks[0].tool There is no tool "ecko". Did you mean "echo"?',
      expect.stringMatching(/^10:68 steps\[1\]\.workflow\.fallbacks\[0\]\.parameters\.x \$\{t\.result\} cannot be read here/),
      '12:28 steps[1].workflow.tasks[0].action There is no tool "ecko". Did you mean "echo"?',
      expect.stringMatching(
        /^12:51 steps\[1\]\.workflow\.tasks\[0\]\.parameters\.x There is no step "out" in "c"\. The one outside of "c"/,
      ),
    ]);
  });

  it.each([
    ['nothing', undefined, '"workflow" is required.'],
    ['a number', 5, 'A workflow is named by its id, or given as an object.'],
    ['no steps', { name: 'x' }, '"steps" is required.'],
  ])('is refused when it is %s', (_, workflow, message) => {
    expect(problemsOf({ id: 'w', steps: [{ id: 'c', type: 'workflow', workflow }] })).toEqual([expect.stringContaining(message)]);
  });
});

describe('workflows that call each other in a circle', () => {
  it('are refused with the path of the circle, and so is whoever calls them', () => {
    const { workflows, issues } = loadWorkflows([
      { id: 'a', steps: [call('x', 'b')] },
      { id: 'b', steps: [{ id: 'm', type: 'map', over: [], steps: [call('y', 'c')] }] },
      { id: 'c', steps: [call('z', { steps: [call('zz', 'a')] })] },
      { id: 'caller', steps: [call('x', 'a')] },
      { id: 'alone', steps: [echo('s')] },
    ]);
    expect(issues).toEqual([
      { code: 'DEPENDENCY_CYCLE', path: [0, 'steps', 0, 'workflow'], message: 'The workflows call each other: a → b → c → a.' },
    ]);
    expect(workflows.map(({ plan }) => plan.id)).toEqual(['alone']);
  });

  it('may be one that calls itself, also in place of the one that was created before', () => {
    expect(problemsOf({ id: 'created', steps: [call('c', 'created', { parameters: { path: '' } })] }, { registry })).toEqual([
      'steps[0].workflow The workflows call each other: created → created.',
    ]);
  });
});

describe('what calls come to', () => {
  const doubling = (count: number): object[] =>
    Array.from({ length: count }, (_, n) => ({
      id: `w${n}`,
      steps: n === 0 ? [echo('s')] : [call('l', `w${n - 1}`), call('r', `w${n - 1}`)],
    }));

  it('counts a workflow as often as it is called, without going through it', () => {
    const { workflows, issues } = loadWorkflows(doubling(20));
    expect(issues.map(({ code, path }) => `${code} ${path.join('.')}`)).toEqual(['LIMIT_EXCEEDED 13.steps.1.workflow']);
    expect(extentOf(workflows.at(-1)?.plan as Plan)).toEqual({ steps: 3 * 2 ** 12 - 2, levels: 13 });
  });

  it('is no deeper than groups may be', () => {
    const chain = Array.from({ length: 2_000 }, (_, n) => ({ id: `w${n}`, steps: [n === 0 ? echo('s') : call('c', `w${n - 1}`)] }));
    const { workflows, issues } = loadWorkflows(chain);
    expect(workflows).toHaveLength(33);
    expect(issues).toEqual([expect.objectContaining({ code: 'LIMIT_EXCEEDED', path: [33, 'steps', 0, 'workflow'] })]);
  });

  it('is counted across what was created before', () => {
    const big = loadWorkflow({ id: 'big', steps: Array.from({ length: 15_000 }, (_, n) => echo(`s${n}`)) });
    const options = { registry: { ...registry, workflow: () => big } };
    expect(codesOf({ id: 'w', steps: [call('a', 'big')] }, options)).toEqual([]);
    expect(codesOf({ id: 'w', steps: [call('a', 'big'), call('b', 'big')] }, options)).toEqual(['LIMIT_EXCEEDED']);
  });
});

import { describe, expect, it } from 'vitest';
import { loadWorkflow, loadWorkflows, selectWorkflow } from '../../../src/runtime/workflow/load.ts';
import { awaitedBy, fixture, planOf, problemsOf, stepOf } from './load-for-test.ts';

describe('the JSON document of the CoreOrchestrator source, verbatim', () => {
  const plan = planOf(fixture('multi-agent-collaboration.json'));

  it('keeps its steps in order, the parallel step before its children', () => {
    expect(plan.steps.map(({ id, type }) => `${id} ${type}`)).toEqual([
      'context-setup module-operation',
      'role-assignment module-operation',
      'plan-creation module-operation',
      'execution-monitoring parallel',
      'trace-execution module-operation',
      'dialog-facilitation module-operation',
    ]);
    expect(stepOf(plan, 'execution-monitoring').children).toEqual([4, 5]);
    expect(plan.sinks).toEqual([3]);
  });

  it('gives its steps the timeouts that they name, and 30 s otherwise', () => {
    const timeouts = plan.steps.filter(({ work }) => work.kind !== 'group').map(({ timeoutMs }) => timeoutMs);
    expect(timeouts).toEqual([30_000, 15_000, 60_000, 30_000, 30_000]);
  });

  it('lifts what its nested steps read to their group', () => {
    expect(awaitedBy(plan, 'execution-monitoring')).toEqual(['role-assignment', 'plan-creation']);
    expect(awaitedBy(plan, 'dialog-facilitation')).toEqual([]);
  });

  it('takes its error handling as defaults of the steps that do work', () => {
    expect(stepOf(plan, 'context-setup').retry).toMatchObject({ maxRetries: 3, backoff: { strategy: 'exponential', baseMs: 1_000 } });
    expect(stepOf(plan, 'trace-execution').fallbacks).toEqual([{ on: 'timeout', action: 'escalate-to-human' }]);
    expect(stepOf(plan, 'execution-monitoring').retry).toBeUndefined();
    expect(stepOf(plan, 'execution-monitoring').fallbacks).toEqual([]);
  });

  it('says where in the text a rewritten key is wrong', () => {
    const broken = fixture('multi-agent-collaboration.json').replace('"max-retries": 3', '"max-retries": "three"');
    expect(problemsOf(broken)).toEqual(['71:24 workflow.error-handling.retry-policy.max-retries Expected a number; it is "three".']);
  });
});

describe('the workflow of the Implementation Guide', () => {
  const steps = [{ id: 'step-1', name: 'Echo', toolName: 'echo', parameters: { message: '{{input}}' }, strategy: 'DETERMINISTIC' }];

  it('loads with the id of its routine', () => {
    const plan = planOf({ steps, dependencies: [] }, { defaultId: 'test-routine' });
    expect(plan.id).toBe('test-routine');
    expect(stepOf(plan, 'step-1')).toMatchObject({
      name: 'Echo',
      work: { kind: 'tool', tool: 'echo', strategy: 'deterministic', parameters: { message: '{{input}}' } },
    });
  });

  it.each([
    ['stepId and dependsOn', { stepId: 'b', dependsOn: ['a'] }],
    ['a single dependsOn', { step: 'b', dependsOn: 'a' }],
    ['from and to', { from: 'a', to: 'b' }],
  ])('unites a list of dependencies written as %s with those of the steps', (_, dependency) => {
    const plan = planOf({
      id: 'w',
      steps: [
        { id: 'a', toolName: 'echo' },
        { id: 'c', toolName: 'echo' },
        { id: 'b', toolName: 'echo', dependencies: ['c'] },
      ],
      dependencies: [dependency],
    });
    expect(awaitedBy(plan, 'b')).toEqual(['a', 'c']);
  });

  it('points at the end of an edge that leads nowhere', () => {
    expect(problemsOf({ id: 'w', steps: [{ id: 'a', tool: 'echo' }], dependencies: [{ from: 'x', to: 'a' }] })).toEqual([
      'dependencies[0].from There is no step "x". Did you mean "a"?',
    ]);
  });
});

describe('the task of the Basir document', () => {
  it('may use everything that its type names', () => {
    const plan = planOf(`id: flutter
description: تحسين
tasks:
  - { id: a, name: تحليل, type: analysis, action: analyze, parameters: { deep: true }, timeout: 5000, retries: 2 }
  - { id: b, type: testing, action: run, dependencies: [a], conditions: [steps.a.result.ok == true] }
  - { id: c, type: testing, action: run, conditions: { type: step-result, stepId: b, operator: '>=', value: 1 } }
  - { id: d, type: testing, action: run }
dependencies: [{ from: c, to: d }]
triggers: [{ event: pushed }]
metadata: { team: mobile }
`);
    expect(plan).toMatchObject({
      version: '1.0.0',
      name: 'flutter',
      description: 'تحسين',
      metadata: { team: 'mobile', triggers: [{ event: 'pushed' }] },
    });
    expect(stepOf(plan, 'a')).toMatchObject({
      name: 'تحليل',
      timeoutMs: 5_000,
      retry: { maxRetries: 2 },
      work: { tool: 'analyze', parameters: { deep: true } },
    });
    expect(plan.steps.map(({ id }) => [id, ...awaitedBy(plan, id)])).toEqual([['a'], ['b', 'a'], ['c', 'b'], ['d', 'c']]);
    expect(stepOf(plan, 'c').when).toEqual([{ type: 'step-result', stepId: 'b', path: [], operator: 'gte', value: 1 }]);
  });

  it('has what the document leaves undefined reported, where it stands', () => {
    const text = `id: w
tasks:
  - { id: a, type: analysis, action: run, conditions: [{ metric: cpu, below: 80 }] }
  - { id: b, type: analysis, action: run, priority: urgent, resources: { cpu: 2 } }
dependencies: [{ before: a, after: b }]
`;
    expect(problemsOf(text)).toEqual([
      '3:56 tasks[0].conditions[0].type The condition type null is not supported: use expression, step-result or custom.',
      '4:53 tasks[1].priority Expected one of "critical", "high", "medium", "low", "background", or a number; it is "urgent".',
      '4:61 tasks[1].resources "resources" means nothing here.',
      '5:16 dependencies[0].step "step" is required.',
      '5:16 dependencies[0].dependsOn "dependsOn" is required.',
      '5:18 dependencies[0].before "before" means nothing here.',
      '5:29 dependencies[0].after "after" means nothing here.',
    ]);
  });
});

describe('the newer step kinds in kebab case', () => {
  it('are those of the canonical form', () => {
    const plan = planOf({
      id: 'w',
      steps: [
        {
          id: 'm',
          type: 'map',
          over: '{{files}}',
          'max-concurrency': 2,
          'on-branch-failure': 'fail-fast',
          'fallback-actions': [{ condition: 'timeout', action: 'skip' }],
          tasks: [{ id: 's', action: 'read', compensate: { action: 'undo', retries: 3 } }],
        },
        {
          id: 'l',
          type: 'loop',
          'max-iterations': 3,
          until: { type: 'step-result', stepId: 's', operator: '==', value: 1 },
          steps: [{ id: 's', tool: 'x' }],
        },
      ],
    });
    expect(stepOf(plan, 'm')).toMatchObject({
      maxConcurrency: 2,
      onBranchFailure: 'fail-fast',
      fallbacks: [{ on: 'timeout', action: 'skip' }],
    });
    const [map, loop] = plan.steps.map(({ work }) => work);
    expect(map).toMatchObject({ plan: { steps: [{ work: { tool: 'read' }, compensation: { tool: 'undo', retry: { maxRetries: 3 } } }] } });
    expect(loop).toMatchObject({ maxIterations: 3, until: { type: 'step-result', operator: 'eq', value: 1 } });
  });
});

describe('other spellings', () => {
  it('reads tasks with actions, whose type is a free tag', () => {
    const text =
      'id: flutter\ntasks:\n  - { id: a, type: analysis, action: analyze, timeout: 300000 }\n  - { id: b, action: run, dependencies: [a] }\n';
    const plan = planOf(text);
    expect(stepOf(plan, 'a')).toMatchObject({ type: 'tool', timeoutMs: 300_000, work: { tool: 'analyze' } });
    expect(awaitedBy(plan, 'b')).toEqual(['a']);
  });

  it('keeps Arabic names as they are', () => {
    expect(planOf('id: f\nname: تحسين أداء تطبيق Flutter\nsteps: [{ id: تحليل, tool: echo }]').name).toBe('تحسين أداء تطبيق Flutter');
  });

  it('takes thenStep and elseStep, alone or as lists', () => {
    const plan = planOf({
      id: 'w',
      steps: [
        {
          id: 'c',
          type: 'conditional',
          condition: 'input.x == 1',
          thenStep: { id: 't', tool: 'echo' },
          'else-step': [{ id: 'e', tool: 'echo' }],
        },
      ],
    });
    expect(plan.steps.map(({ id, branch }) => [id, branch])).toEqual([
      ['c', undefined],
      ['t', 'then'],
      ['e', 'else'],
    ]);
  });

  it('points into a single then-step without an index', () => {
    const text =
      'id: w\nsteps:\n  - id: c\n    type: conditional\n    condition: input.x == 1\n    thenStep:\n      id: t\n      toolName: echo\n      timeout: soon\n';
    expect(problemsOf(text)).toEqual(['9:16 steps[0].thenStep.timeout Expected a number; it is "soon".']);
  });

  it('refuses the same thing said twice', () => {
    expect(problemsOf('id: w\nsteps:\n  - id: a\n    tool: echo\n    toolName: echo\n')).toEqual([
      '5:15 steps[0].toolName "toolName" says the same as "tool": give one of them.',
    ]);
  });
});

describe('files with several workflows', () => {
  const text = 'workflows:\n  one:\n    steps: [{ id: a, tool: echo }]\n  two:\n    name: Second\n    steps: [{ id: a, tool: echo }]\n';

  it('takes the id from the key and selects by id or name', () => {
    const { workflows } = loadWorkflows(text);
    expect(workflows.map(({ plan }) => plan.id)).toEqual(['one', 'two']);
    expect(selectWorkflow(workflows, 'one').plan.id).toBe('one');
    expect(selectWorkflow(workflows, 'Second').plan.id).toBe('two');
    expect(() => selectWorkflow(workflows, 'twoo')).toThrow('There is no workflow "twoo" among one, two. Did you mean "two"?');
    expect(() => loadWorkflow(text)).toThrow('There are 2 workflows; name one of them: one, two.');
  });

  it('takes a list, and refuses an id that is taken', () => {
    const one = { id: 'one', steps: [{ id: 'a', tool: 'echo' }] };
    expect(loadWorkflows({ workflows: [one, { ...one, id: 'two' }] }).workflows).toHaveLength(2);
    expect(problemsOf({ workflows: [one, one] })).toEqual(['workflows[1].id There is another workflow "one".']);
  });
});

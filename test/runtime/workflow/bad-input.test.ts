import { describe, expect, it } from 'vitest';
import { SwarmchartError } from '../../../src/machines/protocol/errors.ts';
import { loadWorkflow, loadWorkflows } from '../../../src/runtime/workflow/load.ts';
import { chainOf, codesOf, planOf, problemsOf, registry } from './load-for-test.ts';

const BROKEN = `id: broken
colour: red
steps:
  - id: a
    tool: ecko
    timeout: soon
    dependencies: [c, nowhere]
  - id: b
    tool: echo
    strategy: psychic
    dependencies: [a]
    parameters: { x: '\${a.result.y}', y: '{{missing', z: '\${a.output}' }
  - { id: c, tool: echo, dependencies: [b], credits: -1 }
  - { id: a, type: module-operation, module: contekst, operation: x }
  - id: p
    type: paralel
  - id: q
    type: conditional
    condition: 'steps.b.result.n >'
    then: { id: r, type: module-operation, module: context, operation: destroy }
    else: { id: s, tool: echo, when: [{ type: moon }, { type: custom, handler: isMondy }] }
`;

describe('a workflow with many problems', () => {
  it('reports all of them at once, in the order of the text', () => {
    expect(problemsOf(BROKEN, { registry })).toEqual([
      '2:1 colour "colour" means nothing here.',
      '5:11 steps[0].tool There is no tool "ecko". Did you mean "echo"?',
      '6:14 steps[0].timeout Expected a number; it is "soon".',
      '7:19 steps[0].dependencies The steps wait for each other: a → c → b → a.',
      '7:23 steps[0].dependencies[1] There is no step "nowhere".',
      '10:15 steps[1].strategy There is no strategy "psychic".',
      '12:42 steps[1].parameters.y {{missing is not a reference: "}}" is missing.',
      '12:58 steps[1].parameters.z ${a.output} is not a reference: a step is read as ${a.result}, .error or .status; the input is read as {{a}}.',
      '13:54 steps[2].credits Expected at least 0; it is -1.',
      '14:11 steps[3].id The id "a" is already taken by an earlier step.',
      '14:46 steps[3].module There is no module "contekst". Did you mean "context"?',
      '16:11 steps[4].type The step type "paralel" is not supported (tool, agent, module-operation, parallel, conditional, map, loop, workflow, wait). Did you mean "parallel"?',
      '19:16 steps[5].condition Unexpected token: EOF (at character 19).',
      '20:72 steps[5].then.operation The module "context" has no operation "destroy".',
      '21:47 steps[5].else.when[0].type The condition type "moon" is not supported: use expression, step-result or custom.',
      '21:80 steps[5].else.when[1].handler There is no condition handler "isMondy". Did you mean "isMonday"?',
    ]);
  });

  it('becomes one WORKFLOW_INVALID with every issue and the name of the file', () => {
    const load = (): unknown => loadWorkflow(BROKEN, { registry, fileName: 'broken.yml' });
    expect(load).toThrow(SwarmchartError);
    expect(load).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID', retryable: false }));
    expect(load).toThrow('broken.yml:5:11 steps[0].tool There is no tool "ecko"');
  });

  it('says nothing about tools and modules without a registry', () => {
    expect(codesOf(chainOf({ a: [] }))).toEqual([]);
  });
});

describe('a workflow with one problem', () => {
  it.each([
    ['TOOL_NOT_FOUND', { id: 'a', tool: 'nope' }],
    ['TOOL_NOT_FOUND', { id: 'a', tool: 'echo', fallbacks: [{ on: 'timeout', action: 'use-tool', tool: 'nope' }] }],
    ['MODULE_NOT_FOUND', { id: 'a', type: 'module-operation', module: 'nope', operation: 'x' }],
    ['OPERATION_NOT_FOUND', { id: 'a', type: 'module-operation', module: 'context', operation: 'x' }],
    ['UNKNOWN_STRATEGY', { id: 'a', tool: 'echo', strategy: 'psychic' }],
    ['UNKNOWN_DEPENDENCY', { id: 'a', tool: 'echo', dependencies: ['zzz'] }],
    ['DEPENDENCY_CYCLE', { id: 'a', tool: 'echo', dependencies: ['a'] }],
    ['UNRESOLVED_REFERENCE', { id: 'a', tool: 'echo', parameters: { x: '${nobody.result}' } }],
    ['UNRESOLVED_REFERENCE', { id: 'a', tool: 'echo', when: 'steps.nobody.result == 1' }],
    ['UNSUPPORTED_STEP_TYPE', { id: 'a', type: 'teleport' }],
    ['UNSUPPORTED_CONDITION_TYPE', { id: 'a', tool: 'echo', when: { type: 'moon' } }],
    ['UNKNOWN_KEY', { id: 'a', tool: 'echo', timeoutt: 5 }],
    ['UNKNOWN_KEY', { id: 'a', tool: 'echo', retry: { maxRetries: 1, backof: 'fixed' } }],
    ['UNSAFE_KEY', { id: 'constructor', tool: 'echo' }],
    ['INVALID_VALUE', { id: 'a b', tool: 'echo' }],
    ['INVALID_VALUE', { id: 'a', tool: 'echo', credits: '1.5' }],
    ['INVALID_VALUE', { id: 'a', tool: 'echo', priority: 'urgent' }],
    ['INVALID_VALUE', { id: 'a', tool: 'echo', parametersFrom: ['x {{y}}'] }],
    ['INVALID_VALUE', { id: 'a', tool: 'echo', fallbacks: [{ action: 'pray' }] }],
    ['INVALID_VALUE', { id: 'a', type: 'parallel', steps: [] }],
    ['INVALID_VALUE', { id: 'a', tool: 'echo', when: { type: 'step-result', stepId: 'b', operator: 'gt' } }],
  ])('keeps its own code %s', (code, step) => {
    const load = (): unknown => loadWorkflow({ id: 'w', steps: [step, { id: 'b', tool: 'echo' }] }, { registry });
    expect(load).toThrow(expect.objectContaining({ code }));
  });

  it('finds ids that are taken at another depth', () => {
    expect(
      problemsOf({
        id: 'w',
        steps: [
          { id: 'a', tool: 'x' },
          { id: 'p', type: 'parallel', steps: [{ id: 'a', tool: 'x' }] },
        ],
      }),
    ).toEqual(['steps[1].steps[0].id The id "a" is already taken by an earlier step.']);
  });

  it('knows the inputs that are declared, and those that are given', () => {
    const workflow = {
      id: 'w',
      input: { repo: { type: 'string' } },
      steps: [{ id: 'a', tool: 'x', parameters: { p: '{{repp}}' }, when: 'input.given == 1' }],
    };
    expect(problemsOf(workflow)).toEqual([
      'steps[0].parameters.p There is no input "repp". Did you mean "repo"?',
      'steps[0].when There is no input "given".',
    ]);
    expect(problemsOf(workflow, { inputNames: ['given', 'repp'] })).toEqual([]);
  });

  it('refuses a reference to a step in a fallback that is for every step', () => {
    const fallbacks = [{ action: 'use-tool', tool: 'x', parameters: { in: '{{any}}', out: '${a.result}' } }];
    expect(problemsOf({ id: 'w', fallbacks, steps: [{ id: 'a', tool: 'x' }] })).toEqual([
      'fallbacks[0].parameters.out ${a.result} cannot be read here: a fallback for every step reads the input only.',
    ]);
  });

  it('refuses a default of the wrong type', () => {
    expect(problemsOf('id: w\ninput:\n  n: { type: number, default: "5" }\nsteps: [{ id: a, tool: x }]')).toEqual([
      '3:31 input.n.default The default of "n" is no number but string.',
    ]);
  });
});

describe('text that is no YAML', () => {
  it('reports every syntax error with its place, and nothing that follows from it', () => {
    expect(problemsOf('id: [1\nsteps: "x\n')).toEqual([
      '2:1 (root) Flow sequence in block collection must be sufficiently indented and end with a ]',
      '3:1 (root) Missing closing "quote',
    ]);
  });

  it.each([
    ['an empty text', '', '1:1 (root) The text is empty.'],
    ['a key given twice', 'id: a\nid: b\nsteps: [{ id: a, tool: t }]', '2:1 id The key "id" is given twice.'],
    ['a custom tag', 'id: !evil x\nsteps: [{ id: a, tool: t }]', '1:5 (root) Unresolved tag: !evil'],
    ['a list where a workflow belongs', '[1]', '1:2 [0] A workflow is an object.'],
    [
      'a number that JSON lacks',
      'id: a\nsteps: [{ id: a, tool: t, parameters: { x: .nan } }]',
      '2:44 steps[0].parameters.x steps[0].parameters.x is not a JSON value.',
    ],
    ['an alias without an anchor', 'id: a\nsteps: *nope', '2:8 steps The alias "*nope" has no finished anchor before it.'],
  ])('refuses %s', (_, text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  it('takes an anchor for what it repeats', () => {
    const plan = planOf('id: w\nsteps:\n  - { id: a, tool: t, retry: &r { maxRetries: 2 } }\n  - { id: b, tool: t, retry: *r }\n');
    expect(plan.steps.map(({ retry }) => retry?.maxRetries)).toEqual([2, 2]);
  });
});

it('never returns a workflow of a file that has problems in reading', () => {
  expect(loadWorkflows('id: w\nsteps: [{ id: a, tool: t, __proto__: 1 }]').workflows).toEqual([]);
});

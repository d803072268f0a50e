/** Where a definition may refer to secrets, and to which. */

import { describe, expect, it } from 'vitest';
import { loadSwarm, loadWorkflows } from '../../../src/index.ts';
import { decompositionToPlan } from '../../../src/runtime/swarm/decomposition.ts';
import { Routines } from '../../../src/runtime/swarm/routines.ts';
import { Templates } from '../../../src/runtime/templates.ts';
import { printIssue } from '../../../src/runtime/workflow/issues.ts';
import { registry as REGISTRY } from './load-for-test.ts';

const known = new Set(['API_KEY', 'TOKEN']);
const registry = { ...REGISTRY, secrets: { has: (name: string) => known.has(name), all: () => known } };
const REF = '{{secrets.API_KEY}}';

const problemsOf = (workflow: object, given: object = { registry }): readonly string[] =>
  loadWorkflows({ id: 'w', ...workflow }, given).issues.map((issue) => `${issue.code} ${printIssue(issue)}`);
const inStep = (more: object) => problemsOf({ steps: [{ id: 'a', tool: 'echo', parameters: {}, ...more }] });

describe('a reference to a secret', () => {
  it('may stand in the parameters of any step, its fallbacks and its compensation', () => {
    const parameters = { key: REF, list: [`Bearer ${REF} {{who}}`] };
    const steps = [
      {
        id: 'a',
        tool: 'echo',
        parameters,
        compensate: { tool: 'echo', parameters },
        fallbacks: [{ on: 'any', action: 'use-tool', tool: 'echo', parameters }],
      },
      { id: 'b', type: 'agent', tool: 'echo', capabilities: ['c'], parameters },
      {
        id: 'c',
        type: 'workflow',
        parameters: { key: REF },
        workflow: { steps: [{ id: 'd', tool: 'echo', parameters: { key: '{{key}}' } }] },
      },
    ];
    const fallbacks = [{ on: 'any', action: 'use-tool', tool: 'echo', parameters: { key: REF } }];
    expect(problemsOf({ steps, fallbacks })).toEqual([]);
  });

  it.each([
    [
      'a misspelt one',
      { parameters: { a: ['{{secrets.API_KEI}}'] } },
      /^SECRET_NOT_FOUND steps\[0\]\.parameters\.a\[0\].* There is no secret "API_KEI"\. Did you mean "API_KEY"\?/,
    ],
    ['none at all', { parameters: { a: '{{secrets}}' } }, /^UNRESOLVED_REFERENCE .*a secret is read as {{secrets\.NAME}}/],
    [
      'a part of one',
      { parameters: { a: '{{secrets.API_KEY.x}}' } },
      /^UNRESOLVED_REFERENCE .*a secret is read as {{secrets\.NAME}}, as a whole/,
    ],
    [
      'one that is merged',
      { parametersFrom: [REF] },
      /^UNRESOLVED_REFERENCE steps\[0\]\.parametersFrom\[0\].*only parameters are given secrets/,
    ],
    [
      'one in a condition',
      { when: [{ type: 'expression', expression: `input.a == "${REF}"` }] },
      /^UNRESOLVED_REFERENCE steps\[0\]\.when\[0\]\.expression.*no condition reads a secret/,
    ],
    [
      'one that is compared',
      { when: [{ type: 'step-result', stepId: 'z', operator: 'eq', value: [REF] }] },
      /steps\[0\]\.when\[0\]\.value\[0\].*no condition reads a secret/,
    ],
    [
      'one as a result',
      { fallbacks: [{ on: 'any', action: 'use-value', value: { a: REF } }] },
      /^UNRESOLVED_REFERENCE steps\[0\]\.fallbacks\[0\]\.value\.a/,
    ],
    [
      'one that people are shown',
      { type: 'wait', tool: undefined, parameters: undefined, approval: { prompt: REF } },
      /^UNRESOLVED_REFERENCE steps\[0\]\.approval\.prompt/,
    ],
    ['one as a moment', { type: 'wait', tool: undefined, parameters: undefined, until: REF }, /^UNRESOLVED_REFERENCE steps\[0\]\.until/],
    [
      'one that is mapped over',
      { type: 'map', tool: undefined, over: [REF], steps: [{ id: 'b', tool: 'echo', parameters: {} }] },
      /^UNRESOLVED_REFERENCE steps\[0\]\.over\[0\]/,
    ],
    [
      'its name for the items of a map',
      { type: 'map', tool: undefined, over: [1], as: 'secrets', steps: [{ id: 'b', tool: 'echo', parameters: {} }] },
      /^INVALID_VALUE steps\[0\]\.as/,
    ],
    [
      'its name for what a nested run reads',
      { type: 'workflow', tool: undefined, parameters: { secrets: {} }, workflow: { steps: [{ id: 'b', tool: 'echo', parameters: {} }] } },
      /^INVALID_VALUE steps\[0\]\.parameters\.secrets/,
    ],
  ])('is refused where it says nothing: %s', (_what, more, message) => {
    const problems = inStep(JSON.parse(JSON.stringify(more)) as object);
    expect(problems.filter((problem) => message.test(problem))).toHaveLength(1);
  });

  it('is refused in an input, by name and as a default', () => {
    const steps = [{ id: 'a', tool: 'echo', parameters: {} }];
    const input = { secrets: { type: 'string' }, key: { type: 'string', default: REF } };
    expect(problemsOf({ steps, input }).map((problem) => problem.split(' ', 2))).toEqual([
      ['INVALID_VALUE', 'input.secrets'],
      ['UNRESOLVED_REFERENCE', 'input.key.default'],
    ]);
  });

  it('may name any secret where nobody knows which there are', () => {
    expect(problemsOf({ steps: [{ id: 'a', tool: 'echo', parameters: { a: '{{secrets.ANY}}' } }] }, {})).toEqual([]);
  });

  it('of a swarm stands in the parameters of its tasks, and not in its goal', () => {
    const swarm = { id: 's', goal: `do ${REF}`, input: { secrets: { type: 'string' } } };
    const tasks = [{ id: 't', tool: 'echo', parameters: { a: REF, b: '{{secrets.TOKEM}}' } }];
    const { issues } = loadSwarm({ ...swarm, tasks }, { registry });
    expect(issues.map(({ code, path }) => `${code} ${path.join('.')}`).toSorted()).toEqual([
      'INVALID_VALUE input.secrets',
      'SECRET_NOT_FOUND tasks.0.parameters.b',
      'UNRESOLVED_REFERENCE goal',
    ]);
  });

  it.each([
    ['parameters', { tool: 'echo', parameters: { a: REF } }, 'parameters.a'],
    ['steps', { steps: [{ id: 'x', tool: 'echo', parameters: { a: REF } }] }, 'steps.0.parameters.a'],
  ])('is refused in what a planner answers: it may say what somebody else made it say (%s)', (_where, work, path) => {
    const proposal = decompositionToPlan({ subTasks: [{ id: 't', ...work }] }, { goal: 'g', routines: new Routines({ registry }) });
    expect(proposal).toMatchObject({
      ok: false,
      issues: [
        { code: 'UNRESOLVED_REFERENCE', path: ['subTasks', 0, ...path.split('.').map((key) => (/^\d$/.test(key) ? Number(key) : key))] },
      ],
    });
  });

  it.each([
    ['whole', '<%given%>', REF],
    ['within a text', 'Bearer <%given%>', REF],
    ['as the name of one', '{{secrets.<%given%>}}', 'API_KEY'],
    ['as a part of a name', '{{secrets.API_<%given%>}}', 'KEY'],
    ['beside one of the author', '{{secrets.<%given%>}}', `TOKEN}} ${REF.slice(0, -2)}`],
  ])('is never made by what fills in a template, even by one that may refer to the run: %s', (_how, text, given) => {
    const templates = new Templates(() => undefined as never);
    templates.createTemplate({
      id: 't',
      parameters: { given: { type: 'string', references: true } },
      workflow: { id: 'w', steps: [{ id: 'a', tool: 'echo', parameters: { a: text } }] },
    } as never);
    expect(() => templates.instantiateFromTemplate('t', { given })).toThrow(/"given" would be read as a reference to a secret/);
  });
});

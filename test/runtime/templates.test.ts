import { describe, expect, it } from 'vitest';
import { type AnyTool, createRuntime, type JsonObject, SwarmchartError, type WorkflowTemplate } from '../../src/index.ts';
import { Templates } from '../../src/runtime/templates.ts';
import { loadWorkflow } from '../../src/runtime/workflow/load.ts';
import { parsePlaceholders } from '../../src/runtime/workflow/placeholders.ts';
import { startRuntime } from '../support/start-runtime.ts';

const keep: AnyTool = { name: 'keep', run: (given: JsonObject) => given };

const deploy: WorkflowTemplate = {
  id: 'deploy',
  description: 'Brings a service to its targets.',
  parameters: {
    service: { type: 'string', description: 'What to deploy' },
    targets: { type: 'array' },
    replicas: { type: 'number', default: 2 },
    note: { type: 'string', required: false },
  },
  workflow: {
    id: 'deploy-<%service%>',
    name: 'Deploy <% service %> ×<%replicas%>',
    steps: [
      {
        id: 'roll-out',
        tool: 'keep',
        parameters: {
          targets: '<%targets%>',
          replicas: '<%replicas%>',
          note: '<%note%>',
          by: '{{user}}',
          text: '<%service%> to <%targets%>',
        },
        when: 'input.user != <%service%>',
      },
    ],
  },
};

/** Templates whose workflows are kept in a list. */
function shelf(...given: readonly WorkflowTemplate[]) {
  const created: JsonObject[] = [];
  const templates = new Templates((definition) => {
    created.push(definition);
    return loadWorkflow(definition);
  });
  for (const template of given) templates.createTemplate(template);
  return { templates, created };
}

const problemsOf = (action: () => unknown): { readonly code: string; readonly problems: readonly string[] } => {
  try {
    action();
  } catch (thrown) {
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    return { code: thrown.code, problems: thrown.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) };
  }
  throw new Error('nothing was refused');
};

describe('a template', () => {
  it('becomes a workflow that can be run by its id', async () => {
    await using world = await startRuntime({ tools: [keep] });
    const { templates } = world.runtime;
    expect(templates.createTemplate(deploy)).toBe('deploy');
    expect(templates.getTemplates()).toEqual([deploy]);
    const { plan } = templates.instantiateFromTemplate('deploy', { service: 'api', targets: ['eu', 'us'] });
    expect(plan).toMatchObject({ id: 'deploy-api', name: 'Deploy api ×2' });
    const run = world.runtime.run('deploy-api', { input: { user: 'ann' } });
    expect(await run.result()).toMatchObject({
      success: true,
      result: { targets: ['eu', 'us'], replicas: 2, note: null, by: 'ann', text: 'api to ["eu","us"]' },
    });
    await world.checkInvariants(run.executionId);
  });

  it('has its workflow checked when it is filled in', async () => {
    await using runtime = await createRuntime();
    runtime.templates.createTemplate({
      id: 't',
      parameters: { tool: { type: 'string' } },
      workflow: { steps: [{ id: 'a', tool: '<%tool%>' }] },
    });
    expect(runtime.templates.instantiateFromTemplate('t', { tool: 'echo' }).plan.id).toBe('t');
    expect(problemsOf(() => runtime.templates.instantiateFromTemplate('t', { tool: 'ecko' }))).toEqual({
      code: 'TOOL_NOT_FOUND',
      problems: ['steps.0.tool: There is no tool "ecko". Did you mean "echo"?'],
    });
  });

  it('may be of any dialect, in a wrapper, with placeholders for other types than text', () => {
    const { templates } = shelf({
      id: 't',
      parameters: { limit: { type: 'number' } },
      workflow: {
        workflow: {
          id: 'w',
          tasks: [{ id: 'a', action: 'x', timeout: '<%limit%>' }],
          'error-handling': { 'retry-policy': { 'max-retries': '<%limit%>' } },
        },
      },
    });
    expect(templates.instantiateFromTemplate('t', { limit: 7 }).plan.steps[0]).toMatchObject({ timeoutMs: 7, retry: { maxRetries: 7 } });
  });

  it('takes the place of one of the same id', () => {
    const { templates } = shelf(deploy, { id: 'other', workflow: { steps: [] } }, { ...deploy, name: 'Second' });
    expect(templates.getTemplates().map(({ id, name }) => [id, name])).toEqual([
      ['deploy', 'Second'],
      ['other', undefined],
    ]);
  });

  it('is refused with every problem at once', () => {
    const broken = {
      id: 'a b',
      colour: 'red',
      parameters: { n: { type: 'number', default: '5' }, s: { type: 'text' } },
      workflow: { name: '<%m%> and <%s%>', steps: [{ id: 'a', tool: '<% a b %>', parameters: { '<%n%>': '<%n' } }] },
    };
    expect(problemsOf(() => shelf(broken as unknown as WorkflowTemplate))).toEqual({
      code: 'WORKFLOW_INVALID',
      problems: [
        'colour: "colour" means nothing here.',
        expect.stringContaining('id: An id is made of letters'),
        expect.stringContaining('parameters.s.type: Expected one of'),
      ],
    });
    const { id: _, colour: _colour, ...rest } = broken;
    const parameters = { n: { type: 'number', default: '5' }, s: { type: 'string' } } as const;
    expect(problemsOf(() => shelf({ ...rest, id: 't', parameters }))).toEqual({
      code: 'WORKFLOW_INVALID',
      problems: [
        'parameters.n.default: The default of "n" is no number but string.',
        'workflow.name: There is no parameter "m". Did you mean "n"?',
        expect.stringMatching(/^workflow\.steps\.0\.tool: <% a b %> is no placeholder/),
        expect.stringMatching(/^workflow\.steps\.0\.parameters\.<%n%>: <%n%> is no placeholder: .* not in a key\.$/),
        expect.stringMatching(/^workflow\.steps\.0\.parameters\.<%n%>: <%n is no placeholder/),
      ],
    });
    expect(problemsOf(() => shelf(5 as unknown as WorkflowTemplate)).problems).toEqual([': A template is an object, not number.']);
  });
});

describe('filling a template in', () => {
  it('names every parameter that is missing, unknown or of the wrong type', () => {
    const { templates } = shelf(deploy);
    expect(problemsOf(() => templates.instantiateFromTemplate('deploy', { targets: ['eu'] }))).toEqual({
      code: 'INVALID_INPUT',
      problems: ['service: The parameter "service" (string) is required.'],
    });
    expect(problemsOf(() => templates.instantiateFromTemplate('deploy', { targets: 'eu', replica: 3 }))).toEqual({
      code: 'INVALID_INPUT',
      problems: [
        'replica: The template takes no parameter "replica". Did you mean "replicas"?',
        'service: The parameter "service" (string) is required.',
        'targets: The parameter "targets" is no array but string.',
      ],
    });
    expect(() => templates.instantiateFromTemplate('deplyo')).toThrow('There is no template "deplyo". Did you mean "deploy"?');
    expect(() => templates.instantiateFromTemplate('deplyo')).toThrow(expect.objectContaining({ code: 'TEMPLATE_NOT_FOUND' }));
  });

  const one = (text: string, more: object = {}): WorkflowTemplate => ({
    id: 't',
    parameters: { x: { type: 'string', ...more }, y: { type: 'string', default: '' } },
    workflow: {
      id: 'w',
      steps: [
        { id: 'a', tool: 'echo', parameters: { text } },
        { id: 'b', tool: 'echo' },
      ],
    },
  });
  const filled = (template: WorkflowTemplate, x: string, y = ''): unknown => {
    const { plan } = shelf(template).templates.instantiateFromTemplate('t', { x, y });
    const work = plan.steps[0]?.work;
    return work?.kind === 'tool' ? work.parameters['text'] : undefined;
  };

  it('looks at a value once', () => {
    expect(filled(one('<%x%>'), '<%y%>', 'secret')).toBe('<%y%>');
    expect(filled(one('a <%x%><%y%>'), '<%', 'y%>')).toBe('a <%y%>');
  });

  it.each([
    ['a reference', '<%x%>', '{{secret}}', ''],
    ['a reference to a step', 'see <%x%>', '${b.result}', ''],
    ['a part of one', '<%x%><%y%>', '{', '{secret}}'],
    ['more than the one that it belongs to', '{{<%x%>}}', 'a}}{{secret', ''],
  ])('lets no value become %s', (_, text, x, y) => {
    expect(problemsOf(() => filled(one(text), x, y))).toEqual({
      code: 'INVALID_INPUT',
      problems: [expect.stringContaining('would be read as a reference to the run. Declare it with "references: true" if that is meant.')],
    });
  });

  it('lets a value be one where the template says so, and name what the template reads', () => {
    expect(filled(one('<%x%>', { references: true }), '${b.result}')).toBe('${b.result}');
    expect(filled(one('{{<%x%>.name}}'), 'user')).toBe('{{user.name}}');
    expect(filled(one('<%y%>, <%x%>', { references: true }), '${b.result}', 'Hello')).toBe('Hello, ${b.result}');
  });

  it.each([
    ['a reference of its own', '<%x%><%y%>', '{{a}}', '{{secret}}'],
    ['the rest of one', '<%x%><%y%>', '{{', 'secret}}'],
  ])('lets no value beside one that may refer become %s', (_, text, x, y) => {
    expect(problemsOf(() => filled(one(text, { references: true }), x, y))).toEqual({
      code: 'INVALID_INPUT',
      problems: [expect.stringContaining('The parameter "y" would be read as a reference')],
    });
  });

  it.each([
    ['Ada" || true || "', 'input.name == "Ada\\" || true || \\""'],
    ['مرحبا\n', 'input.name == "مرحبا\\n"'],
  ])('makes %j a literal of a condition', (x, expression) => {
    const workflow = { id: 'w', steps: [{ id: 'a', tool: 'echo', when: 'input.name == <%x%>' }] };
    const { plan } = shelf({ ...one(''), workflow }).templates.instantiateFromTemplate('t', { x });
    expect(plan.steps[0]?.when).toEqual([{ type: 'expression', expression, steps: [] }]);
  });

  it('tells conditions from what only looks like one', () => {
    const loop = { id: 'l', type: 'loop', maxIterations: 2, until: 'input.n == <%x%>', steps: [{ id: 's', tool: 'echo' }] };
    const steps = [loop, { id: 'w', type: 'wait', until: '<%x%>:30:00Z' }, { id: 'p', tool: 'echo', parameters: { when: 'at <%x%>' } }];
    const { plan } = shelf({ ...one(''), workflow: { id: 'w', steps } }).templates.instantiateFromTemplate('t', { x: '2026-11-21T09' });
    expect(plan.steps.map(({ work }) => work)).toMatchObject([
      { until: { expression: 'input.n == "2026-11-21T09"' } },
      { for: { at: '2026-11-21T09:30:00Z' } },
      { parameters: { when: 'at 2026-11-21T09' } },
    ]);
  });

  it('is refused when it would come to too much', () => {
    const steps = Array.from({ length: 1_000 }, (_, n) => ({ id: `s${n}`, tool: 'echo', parameters: { text: 'a <%x%>' } }));
    const { templates } = shelf({ ...one(''), workflow: { id: 'w', steps } });
    expect(problemsOf(() => templates.instantiateFromTemplate('t', { x: 'x'.repeat(1_000_000) }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
  });
});

it.each<[string, readonly unknown[]]>([
  ['', ['']],
  ['plain {{a}} ${b.result} 5 % 3 < 2', ['plain {{a}} ${b.result} 5 % 3 < 2']],
  ['<%a%>', [{ name: 'a' }]],
  ['x<%a%><% اسم %>y', ['x', { name: 'a' }, { name: 'اسم' }, 'y']],
  ['<%% a %> <%b%>', ['<% a %> ', { name: 'b' }]],
  ['<%%>', [{ malformed: '<%%>' }]],
  ['<%a', [{ malformed: '<%a' }]],
  ['<%a.b%>', [{ malformed: '<%a.b%>' }]],
])('splits %j at its placeholders', (text, parts) => {
  expect(parsePlaceholders(text)).toEqual(parts);
});

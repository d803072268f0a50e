import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineSwarm, swarmJsonSchema } from '../../../src/runtime/swarm/definition.ts';
import { goalOf, isSwarmSource, loadSwarm, loadSwarmOrThrow } from '../../../src/runtime/swarm/load.ts';
import { loadWorkflow } from '../../../src/runtime/workflow/load.ts';
import { registry } from '../workflow/load-for-test.ts';
import { codesOf, definitionOf, problemsOf } from './definition-for-test.ts';

const everything = readFileSync(new URL('../../fixtures/every-swarm-key.yml', import.meta.url), 'utf8');
const tasks = [{ id: 'a', tool: 'echo' }];
const withTasks = (...given: object[]): object => ({ swarm: 's', tasks: given });

describe('a definition', () => {
  it('is loaded with all that it may say', () => {
    const definition = definitionOf(everything);
    expect(definition).toMatchObject({
      id: 'sales',
      name: 'Sales reports',
      goal: 'Report on {{region}}',
      inputs: { region: { type: 'string' } },
      onlyOwnAgents: true,
      maxConcurrentTasks: 4,
      timeoutMs: 300_000,
      credits: '5000',
      organization: { roles: [{ id: 'analyst' }, { id: 'writer' }] },
    });
    expect(definition.agents.map(({ id, capabilities, maxConcurrentTasks }) => [id, capabilities, maxConcurrentTasks])).toEqual([
      ['agent-1', ['data_analysis', 'visualization'], 3],
      ['agent-2', ['content_generation'], 1],
    ]);
    expect(definition.playbooks.map(({ id, goals }) => [id, goals])).toEqual([
      ['reports', ['Report on *']],
      ['charts', ['Draw a chart of *', 'Draw *']],
      ['sales', undefined],
    ]);
  });

  it('may limit what its tasks use together, in every kind', () => {
    const budget = { credits: 7, tokens: 1_000, steps: 12, memory_mb: 256 };
    expect(problemsOf({ swarm: 's', tasks, budget })).toEqual([
      'budget.memory_mb "memory_mb" means nothing here. Did you mean "memoryMB"?',
    ]);
    const { memory_mb: memoryMB, ...rest } = budget;
    expect(definitionOf({ swarm: 's', tasks, budget: { ...rest, memoryMB } })).toMatchObject({ ...rest, credits: '7', memoryMB });
    expect(codesOf({ swarm: 's', tasks, budget: { tokens: -1, steps: 1.5 } })).toEqual(['INVALID_VALUE', 'INVALID_VALUE']);
  });

  it('needs no more than a name', () => {
    expect(definitionOf({ swarm: 's' })).toMatchObject({ id: 's', name: 's', agents: [], playbooks: [], maxConcurrentTasks: 20 });
  });

  it('is named by swarm or by id, but not by both', () => {
    expect(definitionOf({ id: 's', tasks }).id).toBe('s');
    expect(definitionOf({ swarm: { id: 's', tasks } }).id).toBe('s');
    expect(problemsOf({ swarm: 's', id: 't', tasks })).toEqual(['id "id" says the same as "swarm": give one of them.']);
  });

  it('takes keys in camel, snake and kebab case', () => {
    const { definition } = loadSwarm({
      swarm: 's',
      routines: { report: { steps: [{ id: 'r', tool: 'echo' }] } },
      'max-concurrent-tasks': 2,
      sub_tasks: [{ id: 'a', required_capabilities: ['report'], 'estimated-complexity': 3, depends_on: [] }],
    });
    expect(definition?.maxConcurrentTasks).toBe(2);
    expect(definition?.playbooks).toHaveLength(1);
  });

  it("takes the source document's agents as they stand there", () => {
    const availableAgents = [
      { id: 'agent-1', name: 'Data Analyst', capabilities: ['data_analysis', 'visualization'], currentLoad: 0, maxConcurrentTasks: 3 },
      { id: 'agent-2', name: 'Report Writer', capabilities: ['content_generation', 'formatting'], currentLoad: 0, maxConcurrentTasks: 2 },
    ];
    expect(definitionOf({ swarm: 's', goal: 'Analyze sales data and create a summary report', availableAgents }).agents).toEqual(
      availableAgents.map(({ currentLoad: _, ...agent }) => ({ ...agent, type: 'agent', languages: [], frameworks: [], metadata: {} })),
    );
  });

  it('is typed for authors in TypeScript', () => {
    expect(definitionOf(defineSwarm({ swarm: 's', tasks: [{ id: 'a', steps: [{ id: 'b', tool: 'echo' }] }] })).id).toBe('s');
  });

  it('may use the workflows that it brings, under their ids', () => {
    expect(
      codesOf({
        swarm: 's',
        workflows: { w: { steps: [{ id: 'x', tool: 'echo' }] } },
        routines: { cap: 'w' },
        tasks: [
          { id: 'a', workflow: 'w' },
          { id: 'b', requiredCapabilities: ['other', 'cap'] },
          { id: 'c', workflow: { steps: [{ id: 'x', tool: 'echo' }] } },
        ],
      }),
    ).toEqual([]);
  });

  it('has workflows, routines and tasks whose steps may call those that it brings, and those of the runtime', () => {
    const calling = (workflow: string) => ({ steps: [{ id: 'call', type: 'workflow', workflow }] });
    const of = (name: string) => ({
      swarm: 's',
      workflows: { inner: { steps: [{ id: 'x', tool: 'echo' }] }, outer: calling('inner') },
      routines: { cap: calling(name) },
      tasks: [
        { id: 'a', ...calling(name) },
        { id: 'b', workflow: 'outer' },
        { id: 'c', requiredCapabilities: ['cap'] },
      ],
    });
    const created = loadWorkflow({ id: 'created', steps: [{ id: 'y', tool: 'echo' }] });
    const runtime = { ...registry, workflow: (id: string) => (id === 'created' ? created : undefined) };
    expect(codesOf(of('inner'))).toEqual([]);
    expect(codesOf(of('created'), { registry: runtime })).toEqual([]);
    expect(codesOf({ swarm: 's', tasks: [{ id: 'a', workflow: 'created' }] }, { registry: runtime })).toEqual([]);
    expect(problemsOf(of('iner'))).toEqual([
      'routines.cap.steps[0].workflow There is no workflow "iner". Did you mean "inner"?',
      'tasks[0].steps[0].workflow There is no workflow "iner". Did you mean "inner"?',
    ]);
  });

  it('throws every problem at once when one wants it to', () => {
    expect(() => loadSwarmOrThrow({ swarm: 's', tasks: [{ id: 'a' }, { id: 'a', tool: 'nope' }] }, { registry })).toThrow(/3 problems/);
  });
});

describe('problems are all found at once, at their line and column', () => {
  it('of what reads an input, also where another input is wrong', () => {
    const text = `swarm: s
goal: Go to {{citty}}
input: { city: { type: string }, days: { type: figure } }
tasks: [{ id: a, tool: echo, parameters: { message: "{{ctiy}} {{days}}" } }]
`;
    expect(problemsOf(text, { registry })).toEqual([
      '2:7 goal The swarm has no input "citty". Did you mean "city"?',
      '3:48 input.days.type Expected one of "string", "number", "boolean", "object", "array"; it is "figure".',
      '4:53 tasks[0].parameters.message The swarm has no input "ctiy".',
    ]);
  });

  it('of agents and the organization, each with what was expected and what is there', () => {
    const text = `swarm: s
agents:
  - { id: ann, capabilities: writing }
  - { id: ann, capabilities: [writing], maxConcurrentTasks: 0 }
organization:
  roles: [{ min: 1 }]
  norms: [{ type: oblige, role: x }, { misson: m, type: obligation, role: 1, mission: m, deadlineMs: -1 }]
tasks: [{ id: a, tool: echo }]
`;
    expect(problemsOf(text, { registry })).toEqual([
      '3:30 agents[0].capabilities Expected a list; it is "writing".',
      '4:11 agents[1].id There is another agent "ann".',
      '4:61 agents[1].maxConcurrentTasks Expected at least 1; it is 0.',
      '6:11 organization.roles[0].id "id" is required.',
      '7:19 organization.norms[0].type Expected one of "permission", "obligation", "prohibition"; it is "oblige".',
      '7:40 organization.norms[1].misson "misson" means nothing here. Did you mean "mission"?',
      '7:75 organization.norms[1].role Expected a text; it is 1.',
      '7:102 organization.norms[1].deadlineMs Expected at least 1; it is -1.',
    ]);
  });

  it('in a text', () => {
    const text = `swarm: s
orgnization: x
input: { topic: { type: string } }
tasks:
  - id: a
    requiredCapabilities: [data]
    estimatedComplexity: 11
  - id: b
    dependencies: [elsewhere]
    tool: ecko
    parameters: { message: "\${a.result} {{topik}}" }
  - id: c
    steps:
      - { id: s, tol: echo }
    dependencies: [d]
  - id: d
    dependencies: [c]
    workflow: nope
`;
    expect(problemsOf(text, { registry })).toEqual([
      '2:1 orgnization "orgnization" means nothing here. Did you mean "organization"?',
      '6:27 tasks[0].requiredCapabilities Task "a" has no workflow, steps or tool, and no routine is known for "data".',
      '7:26 tasks[0].estimatedComplexity Expected at most 10; it is 11.',
      '9:20 tasks[1].dependencies[0] There is no task "elsewhere".',
      '10:11 tasks[1].tool There is no tool "ecko". Did you mean "echo"?',
      '11:28 tasks[1].parameters.message The swarm has no input "topik". Did you mean "topic"?',
      '12:5 tasks[2] Tasks wait for each other: c → d → c.',
      '14:9 tasks[2].steps[0].tool "tool" is required.',
      '14:18 tasks[2].steps[0].tol "tol" means nothing here. Did you mean "tool"?',
      '18:15 tasks[3].workflow There is no workflow "nope".',
    ]);
  });

  it.each<[string, object, readonly string[]]>([
    ['two tasks of one id', withTasks({ id: 'a', tool: 'x' }, { id: 'a', tool: 'x' }), ['DUPLICATE_ID']],
    ['two agents of one id', { swarm: 's', agents: ['a', 'a'].map((id) => ({ id, capabilities: ['x'] })) }, ['DUPLICATE_AGENT']],
    ['two playbooks of one id', { swarm: 's', playbooks: ['p', 'p'].map((id) => ({ id, tasks })) }, ['DUPLICATE_ID']],
    ['a playbook without a name', { swarm: 's', playbooks: [{ tasks }] }, ['INVALID_VALUE']],
    ['a playbook without tasks', { swarm: 's', playbooks: [{ id: 'p' }] }, ['INVALID_VALUE']],
    ['no task at all', withTasks(), ['INVALID_VALUE']],
    ['a task that waits for itself', withTasks({ id: 'a', tool: 'x', dependencies: ['a'] }), ['DEPENDENCY_CYCLE']],
    ['a task that reads itself', withTasks({ id: 'a', tool: 'x', parameters: { m: '${a.result}' } }), ['DEPENDENCY_CYCLE']],
    ['a reference to no task', withTasks({ id: 'a', tool: 'x', parameters: { m: '${b.result}' } }), ['UNRESOLVED_REFERENCE']],
    ['a malformed reference', withTasks({ id: 'a', tool: 'x', parameters: { m: '{{' } }), ['UNRESOLVED_REFERENCE']],
    ['a tool and steps', withTasks({ id: 'a', tool: 'x', steps: [{ id: 's', tool: 'x' }] }), ['INVALID_VALUE']],
    ['a task without work', withTasks({ id: 'a' }), ['ROUTINE_NOT_FOUND']],
    ['a role without an organization', withTasks({ id: 'a', tool: 'x', role: 'r' }), ['UNRESOLVED_REFERENCE']],
    ['a routine that is no workflow', { swarm: 's', routines: { c: 'w' } }, ['WORKFLOW_NOT_FOUND']],
    ['a goal with an unknown input', { swarm: 's', goal: '{{x}}', input: { y: { type: 'string' } } }, ['UNRESOLVED_REFERENCE']],
    ['a goal that reads a task', { swarm: 's', goal: '${a.result}' }, ['UNRESOLVED_REFERENCE']],
    ['an agent that can do nothing', { swarm: 's', agents: [{ id: 'a', capabilities: [] }] }, ['INVALID_VALUE']],
    [
      'a mission with an unknown task',
      { swarm: 's', tasks, organization: { missions: [{ id: 'm', tasks: ['b'] }] } },
      ['UNRESOLVED_REFERENCE'],
    ],
    ['no name', { tasks }, ['INVALID_VALUE']],
    ['a list', [], ['INVALID_VALUE']],
  ])('refuses %s', (_, source, codes) => {
    expect(codesOf(source)).toEqual(codes);
  });

  it('does not report twice what is wrong with a workflow that several tasks use', () => {
    const source = {
      swarm: 's',
      workflows: { w: { steps: [] } },
      routines: { c: 'w' },
      tasks: [
        { id: 'a', workflow: 'w' },
        { id: 'b', requiredCapabilities: ['c'] },
        { id: 'c', steps: [{ id: 'x', type: 'workflow', workflow: 'w' }] },
      ],
    };
    expect(problemsOf(source)).toEqual(['workflows.w.steps There is no step.']);
  });

  it('looks for capable agents only when it is known who may do the tasks', () => {
    const agents = [
      { id: 'one', capabilities: ['draw', 'write'] },
      { id: 'two', capabilities: ['count'] },
    ];
    const needing = (...requiredCapabilities: string[]) => ({ id: 'a', tool: 'echo', requiredCapabilities });
    expect(problemsOf({ swarm: 's', agents, tasks: [needing('quantum')] })).toEqual([]);
    const others = [{ capabilities: ['quantum'] }];
    expect(loadSwarm({ swarm: 's', agents, tasks: [needing('quantum')] }, { agents: others }).issues).toEqual([]);
    expect(loadSwarm({ swarm: 's', agents, tasks: [needing('quantum')] }, { agents: [] }).issues).toMatchObject([
      { code: 'NO_CAPABLE_AGENT', path: ['tasks', 0] },
    ]);
    expect(problemsOf({ swarm: 's', onlyOwnAgents: true, agents, tasks: [needing('draw', 'write')] })).toEqual([]);
    expect(problemsOf({ swarm: 's', onlyOwnAgents: true, agents, tasks: [needing('quantum')] })).toEqual([
      'tasks[0] No agent can do the task "a": nobody has "quantum".',
    ]);
    expect(problemsOf({ swarm: 's', onlyOwnAgents: true, agents, tasks: [needing('draw', 'count')] })).toEqual([
      'tasks[0] No agent can do the task "a": nobody has all of "draw", "count".',
    ]);
    expect(codesOf({ swarm: 's', onlyOwnAgents: true, tasks })).toEqual(['NO_CAPABLE_AGENT']);
  });

  it('knows what a workflow takes that declares its input', () => {
    const workflows = {
      w: { input: { text: { type: 'string' }, tone: { type: 'string', default: 'dry' } }, steps: [{ id: 'x', tool: 'echo' }] },
    };
    const doing = (parameters: object) => ({ swarm: 's', input: {}, workflows, tasks: [{ id: 'a', workflow: 'w', parameters }] });
    expect(problemsOf(doing({ text: '{{goal}}' }))).toEqual([]);
    expect(problemsOf(doing({ txt: 'x' }))).toEqual([
      'tasks[0].parameters.txt The workflow "w" takes no input "txt". Did you mean "text"?',
      'tasks[0].parameters Task "a" does not give the workflow "w" its input "text" (string).',
    ]);
  });

  it("knows what a task's own steps may read", () => {
    const reading = (name: string) => ({
      swarm: 's',
      input: { region: { type: 'string' } },
      tasks: [{ id: 'a', parameters: { tone: 'dry' }, steps: [{ id: 'x', tool: 'echo', parameters: { message: `{{${name}}}` } }] }],
    });
    for (const name of ['region', 'tone', 'goal', 'task', 'description', 'results.b']) expect(codesOf(reading(name))).toEqual([]);
    expect(problemsOf(reading('regoin'))).toEqual([
      'tasks[0].steps[0].parameters.message There is no input "regoin". Did you mean "region"?',
    ]);
  });
});

describe('hostile definitions are refused, never thrown at', () => {
  const itself: Record<string, unknown> = { swarm: 's' };
  itself['tasks'] = [itself];
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { x: deep(levels - 1) });

  it.each<[string, unknown, string]>([
    ['1,001 tasks', { swarm: 's', tasks: Array.from({ length: 1_001 }, (_, n) => ({ id: `t${n}`, tool: 'x' })) }, 'LIMIT_EXCEEDED'],
    [
      '10,001 agents',
      { swarm: 's', agents: Array.from({ length: 10_001 }, (_, n) => ({ id: `a${n}`, capabilities: ['x'] })) },
      'LIMIT_EXCEEDED',
    ],
    ['itself within itself', itself, 'LIMIT_EXCEEDED'],
    ['deep parameters', withTasks({ id: 'a', tool: 'x', parameters: deep(40) }), 'LIMIT_EXCEEDED'],
    ['101 references in one text', withTasks({ id: 'a', tool: 'x', parameters: { m: '{{goal}}'.repeat(101) } }), 'LIMIT_EXCEEDED'],
    ['5 MiB', { swarm: 's', description: 'x'.repeat(5 * 1024 * 1024) }, 'LIMIT_EXCEEDED'],
    ['a key that reaches a prototype', 'swarm: s\nroutines: { __proto__: w }', 'UNSAFE_KEY'],
    ['a task that is named after one', withTasks({ id: 'constructor', tool: 'x' }), 'UNSAFE_KEY'],
    ['an id with a slash', withTasks({ id: 'a/b', tool: 'x' }), 'INVALID_VALUE'],
    ['a tab', '\t', 'SYNTAX_ERROR'],
    [
      'what throws when it is read',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
      'INVALID_VALUE',
    ],
  ])('%s', (_, source, code) => {
    expect(codesOf(source)).toEqual([code]);
  });

  it.each([null, undefined, 7, 'x', () => 1, Number.NaN, [1], { swarm: 1 }, { swarm: 's', tasks: [null, 1, []] }])('%s', (source) => {
    expect(loadSwarm(source).definition).toBeUndefined();
    expect(loadSwarm(source).issues).not.toEqual([]);
  });

  it('a chain of 1,000 tasks is fine', () => {
    const chain = Array.from({ length: 1_000 }, (_, n) => ({ id: `t${n}`, tool: 'x', dependencies: n === 0 ? [] : [`t${n - 1}`] }));
    expect(codesOf({ swarm: 's', tasks: chain })).toEqual([]);
  });
});

describe('the goal of a call', () => {
  const definition = definitionOf({ swarm: 's', goal: 'Report on {{region}}' });

  it('is the one that it names, taken literally', () => {
    expect(goalOf(definition, 'Do {{this}}', {})).toBe('Do {{this}}');
  });
  it("is else the definition's, with what it reads of the input", () => {
    expect(goalOf(definition, undefined, { region: 'the {{north}}' })).toBe('Report on the {{north}}');
  });
  it('is refused when there is none, or when it reads what is not there', () => {
    expect(() => goalOf(definition, undefined, {})).toThrow(/the input has no "region"/);
    expect(() => goalOf(definitionOf({ swarm: 's' }), undefined, {})).toThrow(/has no goal of its own/);
  });
});

describe('a swarm is told from a workflow', () => {
  it.each<[unknown, boolean]>([
    ['swarm: s\ntasks: []', true],
    ['goal: x', true],
    [{ id: 's', playbooks: [] }, true],
    [{ swarm: { id: 's' } }, true],
    [{ id: 'w', steps: [], goal: 'x' }, false],
    ['id: w\ntasks: [{ id: a, action: echo }]', false],
    [{ workflow: { id: 'w' } }, false],
    ['][', false],
    [null, false],
  ])('%j: %s', (source, isSwarm) => {
    expect(isSwarmSource(source)).toBe(isSwarm);
  });
});

describe('the JSON Schema for editors', () => {
  const schema = z.fromJSONSchema(swarmJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);

  it('accepts a swarm that uses every key', async () => {
    const { parse } = await import('yaml');
    expect(schema.safeParse(parse(everything)).error).toBeUndefined();
  });
  it.each<[string, object]>([
    ['an unknown key', { swarm: 's', gaol: 'x' }],
    ['an unknown key of a task', { swarm: 's', tasks: [{ id: 'a', tol: 'x' }] }],
    ['an unknown key of a step', { swarm: 's', tasks: [{ id: 'a', steps: [{ id: 'b', tol: 'x' }] }] }],
    ['a swarm without a name', { tasks }],
  ])('refuses %s', (_, source) => {
    expect(schema.safeParse(source).success).toBe(false);
  });
  it('is a plain JSON document of its own', () => {
    expect(JSON.parse(JSON.stringify(swarmJsonSchema()))).toEqual(swarmJsonSchema());
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plan, PlanStep } from '../../../src/machines/protocol/plan.ts';
import { toolsOf } from '../../../src/runtime/swarm/tools-of.ts';
import { planOf } from '../workflow/load-for-test.ts';
import { decompose, issuesIn, planIn, SALES_TASKS, taskIn, waiting } from './definition-for-test.ts';

const codes = (raw: unknown) => issuesIn(decompose(raw)).map(({ code }) => code);
const text = JSON.stringify(SALES_TASKS);

describe('an answer becomes a plan', () => {
  it('as the source document has it: the report waits for the analysis', () => {
    const proposal = decompose(SALES_TASKS);
    expect(taskIn(proposal, 'task_1')).toMatchObject({
      ordinal: 0,
      description: 'Analyze the sales data',
      dependsOn: [],
      dependents: [1],
      capabilities: ['data_analysis'],
      complexity: 6,
      priority: 8,
      rank: 0,
      plan: { id: 'data_analysis' },
      parameters: {},
      tools: ['echo'],
      onFailure: 'stop',
      maxAgents: 3,
    });
    expect(taskIn(proposal, 'task_2')).toMatchObject({ dependsOn: [0], dependents: [], complexity: 4, priority: 5, rank: 1 });
    expect(planIn(proposal)).toMatchObject({ byRank: [0, 1], ordinals: { task_1: 0, task_2: 1 }, source: 'planner' });
  });

  it.each<[string, unknown]>([
    ['a bare list', SALES_TASKS.subTasks],
    ['tasks', { tasks: SALES_TASKS.subTasks, reasoning: 'first things first' }],
    ['sub_tasks', { sub_tasks: SALES_TASKS.subTasks }],
    ['JSON text', text],
    ['text in a code fence', `\`\`\`json\n${text}\n\`\`\``],
    ['a code fence within prose', `Here {you} are:\n\`\`\`\n${text}\n\`\`\`\nGood luck {with} it!`],
    ['JSON within prose', `Of course! ${text} Anything else?`],
    ['a list within prose', `Of course! ${JSON.stringify(SALES_TASKS.subTasks)}`],
  ])('from %s', (_, raw) => {
    expect(planIn(decompose(raw))).toEqual(planIn(decompose(SALES_TASKS)));
  });

  it('with remarks, nulls, snake case and capital letters of a model passed over', () => {
    const task = {
      id: 'a',
      title: 'A',
      reason: 'because',
      required_capabilities: ['data_analysis'],
      priority: 'High',
      role: null,
      estimatedComplexity: null,
    };
    expect(taskIn(decompose([task]), 'a')).toMatchObject({ capabilities: ['data_analysis'], priority: 8, complexity: 5 });
  });

  it('but a slip of the pen is no remark', () => {
    expect(issuesIn(decompose([{ id: 'a', tool: 'echo', dependancies: ['b'] }]))).toMatchObject([
      { code: 'UNKNOWN_KEY', path: [0, 'dependancies'], message: '"dependancies" means nothing here. Did you mean "dependencies"?' },
    ]);
  });

  it('in which the greater priority ranks first, and a reference is a dependency', () => {
    const plan = planIn(
      decompose([
        { id: 'late', tool: 'echo', parameters: { x: ['${first.result.rows[0]} for {{goal}}'] }, priority: -1 },
        { id: 'first', tool: 'echo', priority: 'critical' },
        { id: 'plain', tool: 'echo', dependencies: ['first', 'first'] },
      ]),
    );
    expect(plan.byRank).toEqual([1, 2, 0]);
    expect(plan.tasks.map(({ dependsOn, dependents, rank }) => [dependsOn, dependents, rank])).toEqual([
      [[1], [], 2],
      [[], [0, 2], 0],
      [[1], [], 1],
    ]);
  });

  it('that says where it came from, if the answer does', () => {
    expect(planIn(decompose({ ...SALES_TASKS, source: 'model' })).source).toBe('model');
    expect(planIn(decompose({ ...SALES_TASKS, source: 7 })).source).toBe('planner');
  });

  it('whose tool is given the parameters as they are, whatever they are named', () => {
    const parameters = { message: '${b.result}', 'a "strange" }} name]': 1 };
    const task = taskIn(
      decompose([
        { id: 'a', tool: 'echo', parameters },
        { id: 'b', tool: 'echo' },
      ]),
      'a',
    );
    expect(task.parameters).toEqual({ parameters });
    expect(task.plan.steps.map(({ work }) => work)).toEqual([
      { kind: 'tool', tool: 'echo', strategy: 'deterministic', parameters: {}, parametersFrom: ['{{parameters}}'] },
    ]);
  });
});

describe('tools of a task', () => {
  it('are those of its steps, of their fallbacks, of compensations and of all plans within', () => {
    const inner = planOf({ id: 'inner', steps: [{ id: 'x', tool: 'deepest', fallbacks: [{ action: 'use-tool', tool: 'spare' }] }] });
    const outer = planOf({
      id: 'outer',
      steps: [
        { id: 'p', type: 'parallel', steps: [{ id: 'y', tool: 'near' }] },
        { id: 'z', tool: 'near' },
      ],
    });
    const [group, ...rest] = outer.steps as [PlanStep, ...PlanStep[]];
    const mapping: PlanStep = {
      ...group,
      work: { kind: 'map', plan: inner, parameters: {}, over: '{{list}}', as: 'item' },
      compensation: { tool: 'undo', parameters: {}, timeoutMs: 1, credits: '0' },
    };
    const plan: Plan = { ...outer, steps: [mapping, ...rest] };
    expect(toolsOf(plan)).toEqual(['deepest', 'near', 'spare', 'undo']);
  });
});

describe('an answer that makes no sense', () => {
  it.each<[string, unknown, readonly string[]]>([
    ['prose', 'First analyse the data, then write the report.', ['SYNTAX_ERROR']],
    ['prose with brackets', 'First {analyse} the [data].', ['SYNTAX_ERROR']],
    ['nothing', '', ['SYNTAX_ERROR']],
    ['a JSON text that is no object', '"a"', ['SYNTAX_ERROR']],
    ['an object without tasks', { plan: [] }, ['INVALID_VALUE']],
    ['a number', 7, ['INVALID_VALUE']],
    ['null', null, ['INVALID_VALUE']],
    ['undefined', undefined, ['INVALID_VALUE']],
    ['a function', () => 1, ['INVALID_VALUE']],
    ['no task', { subTasks: [] }, ['INVALID_VALUE']],
    ['tasks that are no list', { subTasks: 'a' }, ['INVALID_VALUE']],
    ['two lists', { subTasks: [], tasks: [] }, ['INVALID_VALUE']],
    ['tasks that are no objects', { subTasks: ['a', null] }, ['INVALID_VALUE', 'INVALID_VALUE']],
    ['a task without an id', { subTasks: [{ tool: 'echo' }] }, ['INVALID_VALUE']],
    [
      'two tasks of one id',
      [
        { id: 'a', tool: 'echo' },
        { id: 'a', tool: 'echo' },
      ],
      ['DUPLICATE_ID'],
    ],
    ['an unknown dependency', waiting({ a: ['b'] }), ['UNKNOWN_DEPENDENCY']],
    ['a cycle', waiting({ a: ['b'], b: ['c'], c: ['a'] }), ['DEPENDENCY_CYCLE']],
    ['an unknown tool', [{ id: 'a', tool: 'rm' }], ['TOOL_NOT_FOUND']],
    ['an unknown workflow', [{ id: 'a', workflow: 'w' }], ['WORKFLOW_NOT_FOUND']],
    ['a capability without a routine', [{ id: 'a', requiredCapabilities: ['quantum'] }], ['ROUTINE_NOT_FOUND']],
    ['too great a complexity', [{ id: 'a', tool: 'echo', estimatedComplexity: 11 }], ['INVALID_VALUE']],
    ['half a complexity', [{ id: 'a', tool: 'echo', estimatedComplexity: 2.5 }], ['INVALID_VALUE']],
    ['too many tasks', waiting(Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`t${n}`, []]))), ['LIMIT_EXCEEDED']],
    ['too long a text', `${text}${' '.repeat(1024 * 1024)}`, ['LIMIT_EXCEEDED']],
    ['too much', [{ id: 'a', tool: 'echo', parameters: { x: 'x'.repeat(5 * 1024 * 1024) } }], ['LIMIT_EXCEEDED']],
    [
      '100,000 references in one text',
      [{ id: 'a', tool: 'echo', parameters: { x: '${b.result}{{c}}'.repeat(100_000) } }],
      ['LIMIT_EXCEEDED'],
    ],
    [
      '10,001 references',
      [{ id: 'a', tool: 'echo', parameters: { x: Array.from({ length: 10_001 }, () => '{{c}}') } }],
      ['LIMIT_EXCEEDED'],
    ],
    ['a task of 100,000 keys', [Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n]))], ['LIMIT_EXCEEDED']],
    ['100,000 nested lists', '['.repeat(100_000) + ']'.repeat(100_000), ['INVALID_VALUE']],
    ['100,000 lists that never close', '['.repeat(100_000), ['SYNTAX_ERROR']],
    ['a key that reaches a prototype', '{"subTasks": [{"id": "a", "tool": "echo", "__proto__": {"x": 1}}]}', ['UNSAFE_KEY']],
    ['a task that is named after one', [{ id: '__proto__', tool: 'echo' }], ['UNSAFE_KEY']],
  ])('is refused: %s', (_, raw, expected) => {
    const proposal = decompose(raw);
    expect(proposal).toMatchObject({ ok: false, error: { code: 'DECOMPOSITION_FAILED', tier: 'tier1', retryable: false } });
    expect(codes(raw)).toEqual(expected);
  });

  it('in 100,000 places is told at 500 of them', () => {
    const strangers = Array.from({ length: 1_000 }, (_, n) => `tusk-number-${n}`);
    const raw = Array.from({ length: 100 }, (_, n) => ({ id: `task-number-${n}`, tool: 'echo', dependencies: strangers }));
    expect(codes(raw)).toHaveLength(501);
  });

  it('names the goal, the task and the capability', () => {
    const proposal = decompose([{ id: 'leap', requiredCapabilities: ['quantum'] }]);
    expect(proposal.ok ? '' : proposal.error.message).toBe(
      'The plan for the goal "Sell more" makes no sense: [0].requiredCapabilities Task "leap" has no workflow, steps or tool, and no routine is known for "quantum".',
    );
  });

  it('shows a cycle with its path, and every other problem with its own', () => {
    const proposal = decompose({
      subTasks: [...(waiting({ a: ['b'], b: ['a'] }) as { subTasks: object[] }).subTasks, { id: 'c', tool: 'rm' }],
    });
    expect(issuesIn(proposal)).toMatchObject([
      { path: ['subTasks', 0], message: 'Tasks wait for each other: a → b → a.' },
      { path: ['subTasks', 2, 'tool'], message: 'There is no tool "rm".' },
    ]);
  });

  it('reads an input that the swarm does not have', () => {
    const proposal = decompose([{ id: 'a', tool: 'echo', parameters: { m: '{{regoin}}' } }], { inputNames: new Set(['region']) });
    expect(issuesIn(proposal).map(({ message }) => message)).toEqual(['The swarm has no input "regoin". Did you mean "region"?']);
  });

  it('plays a role that there is not', () => {
    const task = { id: 'a', tool: 'echo', role: 'editr' };
    expect(issuesIn(decompose([task], { roles: new Set(['editor']) }))[0]?.message).toBe(
      'There is no role "editr". Did you mean "editor"?',
    );
    expect(taskIn(decompose([{ ...task, role: 'editor' }], { roles: new Set(['editor']) }), 'a').role).toBe('editor');
  });

  it('throws when it is looked at', () => {
    const hostile = {
      get subTasks(): never {
        throw new Error('no');
      },
    };
    expect(codes(hostile)).toEqual(['INVALID_VALUE']);
  });
});

it('whatever a planner answers is a plan that hangs together, or problems', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', '', '__proto__', 'x y');
  const task = fc.record(
    {
      id,
      dependencies: fc.array(id, { maxLength: 3 }),
      tool: fc.constantFrom('echo', 'slow', 'rm'),
      priority: fc.anything(),
      parameters: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.array(task), fc.record({ subTasks: fc.array(task) })), (raw) => {
      for (const answer of [raw, JSON.stringify(raw)]) {
        const proposal = decompose(answer);
        expect(proposal.ok || proposal.issues.length > 0).toBe(true);
        if (!proposal.ok) continue;
        const { tasks, byRank, ordinals } = proposal.plan;
        expect([...byRank].sort((a, b) => a - b)).toEqual(tasks.map((_, index) => index));
        for (const [index, { ordinal, rank, dependsOn, dependents, id: name }] of tasks.entries()) {
          expect([ordinal, byRank[rank], ordinals[name]]).toEqual([index, index, index]);
          for (const other of dependsOn) expect(tasks[other]?.dependents).toContain(index);
          for (const other of dependents) expect(tasks[other]?.dependsOn).toContain(index);
        }
      }
    }),
    { numRuns: 300 },
  );
});

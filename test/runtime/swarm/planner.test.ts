import { describe, expect, it } from 'vitest';
import type { Issue } from '../../../src/machines/protocol/errors.ts';
import type { PlannerInput } from '../../../src/machines/protocol/swarm.ts';
import { goalMatcher } from '../../../src/runtime/swarm/goal.ts';
import { type KnowledgeBase, MemoryKnowledge } from '../../../src/runtime/swarm/knowledge.ts';
import { type Planner, type PlannerRequest, type PlanningServices, planGoal, rememberPlan } from '../../../src/runtime/swarm/planner.ts';
import { definitionOf, issuesIn, planIn, SALES_TASKS, salesRoutines, swarmJob } from './definition-for-test.ts';

const task = (id: string) => ({ id, tool: 'echo' });
const definition = definitionOf({
  swarm: 'sales',
  playbooks: [
    { id: 'reports', goals: 'Report on *', tasks: [task('report')] },
    { id: 'charts', goals: ['Draw *', 'Paint *'], tasks: [task('draw')] },
  ],
});

function services(more: Partial<PlanningServices> = {}) {
  const warnings: string[] = [];
  const warn = (_: object, message?: string) => void warnings.push(message ?? '');
  const log = { debug: warn, info: warn, warn, error: warn };
  const all: PlanningServices = {
    knowledge: new MemoryKnowledge(),
    definition: () => definition,
    agents: () => [],
    routines: salesRoutines(),
    log,
    ...more,
  };
  return Object.assign(all, { warnings });
}

const ask = (given: PlanningServices, goal: string, more: Partial<PlannerInput> = {}) =>
  planGoal(given, { job: swarmJob({ goal }), attempt: 1, issues: [], ...more }, new AbortController().signal);

describe('without a planner of the user', () => {
  it.each([
    ['Report on the north', 'reports'],
    ['  report   ON sales.', 'reports'],
    ['paint a house', 'charts'],
  ])('"%s" is done by the first playbook that fits: %s', async (goal, source) => {
    expect(planIn(await ask(services(), goal)).source).toBe(source);
  });

  it('the same goal always gets the same plan', async () => {
    expect(await ask(services(), 'Draw it')).toEqual(await ask(services(), 'Draw it'));
  });

  it('a goal that no playbook fits fails, and the message names it and the playbooks', async () => {
    expect(await ask(services(), 'Sing')).toMatchObject({
      ok: false,
      error: {
        code: 'DECOMPOSITION_FAILED',
        message: 'No playbook fits the goal "Sing". There are: "reports" ("Report on *"), "charts" ("Draw *", "Paint *").',
      },
      issues: [],
    });
  });

  it('and without playbooks every goal does', async () => {
    const proposal = await ask(services({ definition: () => undefined }), 'Sing');
    expect(proposal.ok ? '' : proposal.error.message).toBe(
      'No playbook fits the goal "Sing": the swarm has no playbooks or tasks, and no planner made any.',
    );
  });

  it('tasks without goals fit every goal, after the playbooks that name theirs', async () => {
    const anything = definitionOf({
      swarm: 's',
      playbooks: [{ id: 'reports', goals: ['Report'], tasks: [task('a')] }],
      tasks: [task('b')],
    });
    expect(planIn(await ask(services({ definition: () => anything }), 'Sing')).source).toBe('s');
    expect(planIn(await ask(services({ definition: () => anything }), 'report')).source).toBe('reports');
  });
});

describe('a wildcard', () => {
  it.each<[string, string, boolean]>([
    ['*', '', true],
    ['Report on *', 'report on', false],
    ['Report on*', 'report on', true],
    ['*sales*', 'The SALES of May', true],
    ['a*b*c', 'a-c-b', false],
    ['a*b*c', 'abbc', true],
    ['Why?', 'why', true],
    ['a.c', 'abc', false],
    ['[a-z]+', '[A-Z]+', true],
    ['(a+)+$', 'aaaa', false],
  ])('"%s" and "%s": %s', (pattern, goal, fits) => {
    expect(goalMatcher([pattern])(goal)).toBe(fits);
  });

  it('has no text on which it takes for ever', () => {
    expect(goalMatcher([`${'*a'.repeat(200)}*b`])('a'.repeat(50_000))).toBe(false);
    expect(goalMatcher(['x'])(`${'.'.repeat(200_000)}y`)).toBe(false);
    expect(goalMatcher(['x'])(`${' '.repeat(200_000)}y`)).toBe(false);
  });
});

describe('a planner of the user', () => {
  it('is asked first, and told all it needs', async () => {
    const requests: PlannerRequest[] = [];
    const agent = {
      id: 'a',
      name: 'A',
      type: 'agent',
      capabilities: ['x'],
      maxConcurrentTasks: 1,
      languages: [],
      frameworks: [],
      metadata: {},
    };
    const knowledge = new MemoryKnowledge();
    await knowledge.remember('report on x!', SALES_TASKS);
    const planner: Planner = (request) => {
      requests.push(request);
      return SALES_TASKS;
    };
    const given = services({ planner, knowledge, agents: () => [agent], definition: () => undefined });
    expect(planIn(await ask(given, 'Report on X', { job: swarmJob({ goal: 'Report on X', input: { region: 'north' } }) })).source).toBe(
      'planner',
    );
    expect(requests).toMatchObject([
      {
        goal: 'Report on X',
        input: { region: 'north' },
        agents: [agent],
        knowledge: [{ goal: 'report on x!', decomposition: SALES_TASKS }],
        routines: ['data_analysis', 'content_generation'],
        attempt: 1,
        issues: [],
      },
    ]);
  });

  it('that has no answer passes the goal on to the playbooks', async () => {
    expect(planIn(await ask(services({ planner: () => Promise.resolve(undefined) }), 'Draw it')).source).toBe('charts');
  });

  it('that answers prose gets one more chance, with what was wrong', async () => {
    const heard: (readonly Issue[])[] = [];
    const planner: Planner = ({ issues }) => {
      heard.push(issues);
      return issues.length === 0 ? 'I would begin with the data.' : JSON.stringify(SALES_TASKS);
    };
    const given = services({ planner, definition: () => undefined });
    const first = await ask(given, 'Sell more');
    expect(first).toMatchObject({ ok: false, error: { code: 'DECOMPOSITION_FAILED' }, issues: [{ code: 'SYNTAX_ERROR' }] });
    const second = await ask(given, 'Sell more', { attempt: 2, issues: issuesIn(first) });
    expect(planIn(second).tasks.map(({ id }) => id)).toEqual(['task_1', 'task_2']);
    expect(heard[1]).toEqual(issuesIn(first));
  });

  it.each<[string, Planner]>([
    [
      'throws',
      () => {
        throw new Error('no credit');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no credit'))],
  ])('that %s fails, and the message names the goal and the cause', async (_, planner) => {
    expect(await ask(services({ planner }), 'Draw it')).toMatchObject({
      ok: false,
      error: {
        code: 'DECOMPOSITION_FAILED',
        message: 'Cannot decompose the goal "Draw it": no credit',
        cause: { name: 'Error', message: 'no credit' },
      },
      issues: [],
    });
  });

  it('cannot change what the swarm was given', async () => {
    const input = { list: [1] };
    const planner: Planner = (request) => {
      (request.input['list'] as number[]).push(2);
      return SALES_TASKS;
    };
    await ask(services({ planner, definition: () => undefined }), 'x', { job: swarmJob({ input }) });
    expect(input).toEqual({ list: [1] });
  });
});

describe('what earlier swarms have taught', () => {
  const withoutPlaybooks = { definition: () => undefined };

  it('is used again for the same goal, when no playbook fits', async () => {
    const taught = services({ ...withoutPlaybooks, planner: () => SALES_TASKS });
    const plan = planIn(await ask(taught, 'Sell more'));
    await rememberPlan(taught, swarmJob({ goal: 'Sell more' }), plan);
    const again = planIn(await ask(services({ ...withoutPlaybooks, knowledge: taught.knowledge }), 'sell MORE!'));
    expect(again).toEqual({ ...plan, source: 'knowledge' });
  });

  it('is not used for a goal that is only similar', async () => {
    const knowledge: KnowledgeBase = {
      find: () => Promise.resolve([{ goal: 'Sell less', decomposition: SALES_TASKS }]),
      remember: () => Promise.resolve(),
    };
    expect((await ask(services({ ...withoutPlaybooks, knowledge }), 'Sell more')).ok).toBe(false);
  });

  it('is not taught by what came from a playbook or from there', async () => {
    const taught = services();
    const plan = planIn(await ask(taught, 'Draw it'));
    await rememberPlan(taught, swarmJob({ goal: 'Draw it' }), plan);
    await rememberPlan(taught, swarmJob({ goal: 'Draw it' }), { ...plan, source: 'knowledge' });
    expect(await taught.knowledge.find('Draw it')).toEqual([]);
  });

  it.each<[string, KnowledgeBase['find']]>([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['answers rubbish', () => Promise.resolve([null, 1, { goal: 2 }] as never)],
    ['answers nothing', () => Promise.resolve(undefined as never)],
  ])('is done without when the knowledge base %s', async (_, find) => {
    const given = services({ knowledge: { find, remember: () => Promise.resolve() } });
    expect((await ask(given, 'Draw it')).ok).toBe(true);
  });

  it.each<[string, KnowledgeBase['remember']]>([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
  ])('is lost, with a warning, when the knowledge base %s', async (_, remember) => {
    const knowledge = { find: () => Promise.resolve([]), remember };
    const given = services({ ...withoutPlaybooks, knowledge, planner: () => SALES_TASKS });
    await rememberPlan(given, swarmJob(), planIn(await ask(given, 'Sell more')));
    expect(given.warnings).toEqual(['The knowledge base could not remember a decomposition']);
  });
});

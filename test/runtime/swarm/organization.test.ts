/** SWM-5: teams, as the organizer forms them. */

import { describe, expect, it } from 'vitest';
import { organize } from '../../../src/runtime/swarm/organization.ts';
import { agent, organizationOf, planOf, propose, type TaskForTest, teamOf } from './organization-for-test.ts';

describe('a swarm without an organization', () => {
  it('lets any capable agent do each task', () => {
    const plan = planOf({ id: 'a', capabilities: ['code'], role: 'whatever' }, { id: 'b' });
    expect(organize(undefined, plan, [agent('x', 'code')])).toEqual({
      ok: true,
      team: { roles: {}, tasks: { a: {}, b: {} }, obligations: [] },
    });
  });

  it('names every task that nobody can do, and what is missing', () => {
    const plan = planOf(
      { id: 'a', capabilities: ['code', 'fly'] },
      { id: 'b', capabilities: ['code'] },
      { id: 'c', capabilities: ['code', 'test'] },
    );
    expect(organize(undefined, plan, [agent('x', 'code'), agent('y', 'test')])).toMatchObject({
      ok: false,
      error: {
        code: 'NO_CAPABLE_AGENT',
        message: 'No agent can do some tasks: task "a" lacks "fly"; task "c" needs "code", "test" together',
        context: {
          tasks: [
            { taskId: 'a', missing: ['fly'] },
            { taskId: 'c', missing: [] },
          ],
        },
      },
    });
    expect(organize(undefined, planOf({ id: 'a' }), [])).toMatchObject({ ok: false, error: { code: 'NO_CAPABLE_AGENT' } });
  });
});

describe('roles', () => {
  const exclusive = (...roles: object[]) => ({ roles: roles.map((role) => ({ compatibleWith: [], ...role })) });

  it('are given to agents with their capabilities, in order of registration, up to their maximum', () => {
    const agents = [agent('a', 'code'), agent('b'), agent('c', 'code'), agent('d', 'code')];
    expect(teamOf({ roles: [{ id: 'coder', capabilities: ['code'], max: 2 }] }, planOf(), agents).roles).toEqual({ coder: ['a', 'c'] });
  });

  it('share an agent only when both allow it', () => {
    const agents = [agent('a')];
    const both = (one: object, other: object) =>
      teamOf(
        {
          roles: [
            { id: 'one', ...one },
            { id: 'other', ...other },
          ],
        },
        planOf(),
        agents,
      ).roles;
    expect(both({}, {})).toEqual({ one: ['a'], other: ['a'] });
    expect(both({ compatibleWith: ['other'] }, { compatibleWith: ['one'] })).toEqual({ one: ['a'], other: ['a'] });
    expect(both({ compatibleWith: ['other'] }, { compatibleWith: [] })).toEqual({ one: ['a'], other: [] });
    expect(both({}, { compatibleWith: [] })).toEqual({ one: ['a'], other: [] });
  });

  it('get their minima where that takes moving agents about', () => {
    const agents = [agent('all', 'x', 'y', 'z'), agent('xy', 'x', 'y'), agent('onlyx', 'x')];
    const raw = exclusive(
      { id: 'rx', capabilities: ['x'], min: 1, max: 1 },
      { id: 'ry', capabilities: ['y'], min: 1, max: 1 },
      { id: 'rz', capabilities: ['z'], min: 1, max: 1 },
    );
    expect(teamOf(raw, planOf(), agents).roles).toEqual({ rx: ['onlyx'], ry: ['xy'], rz: ['all'] });
  });

  it('are spread evenly over the agents that are left', () => {
    const agents = ['a', 'b', 'c', 'd'].map((id) => agent(id));
    expect(teamOf(exclusive({ id: 'one' }, { id: 'two' }), planOf(), agents).roles).toEqual({ one: ['a', 'c'], two: ['b', 'd'] });
  });

  it('that cannot be filled are named, with the number of agents that are missing', () => {
    const raw = exclusive({ id: 'coder', capabilities: ['code'], min: 2 }, { id: 'tester', min: 2 });
    expect(propose(raw, planOf(), [agent('a', 'code'), agent('b')])).toMatchObject({
      ok: false,
      error: {
        code: 'ORGANIZATION_INFEASIBLE',
        message: 'The roles cannot be filled: role "coder" lacks one agent; role "tester" lacks one agent',
        context: {
          isProven: true,
          roles: [
            { role: 'coder', min: 2, missing: 1, capable: 1 },
            { role: 'tester', min: 2, missing: 1, capable: 2 },
          ],
        },
      },
    });
  });

  it('are filled with those who can do their tasks', () => {
    const agents = [agent('a', 'stats', 'prose'), agent('b', 'stats')];
    const plan = planOf(
      { id: 'analysis', role: 'analyst', capabilities: ['stats'] },
      { id: 'report', role: 'writer', capabilities: ['prose'] },
    );
    const team = teamOf(exclusive({ id: 'analyst', min: 1, max: 1 }, { id: 'writer', min: 1, max: 1 }), plan, agents);
    expect(team.roles).toEqual({ analyst: ['b'], writer: ['a'] });
    expect(team.tasks).toEqual({ analysis: { role: 'analyst', agents: ['b'] }, report: { role: 'writer', agents: ['a'] } });
  });

  it('are found by a search where some of them go together and others do not', () => {
    const raw = {
      roles: [
        { id: 'one', min: 1, compatibleWith: ['two'] },
        { id: 'two', min: 1, compatibleWith: ['one', 'three'] },
        { id: 'three', min: 1, compatibleWith: ['two', 'four'] },
        { id: 'four', min: 1, compatibleWith: ['three'] },
      ],
    };
    expect(propose(raw, planOf(), [agent('a'), agent('b')]).ok).toBe(true);
    expect(propose(raw, planOf(), [agent('a')])).toMatchObject({ ok: false, error: { code: 'ORGANIZATION_INFEASIBLE' } });
  });
});

describe('a task', () => {
  const raw = {
    roles: [{ id: 'coder', capabilities: ['code'] }, { id: 'tester' }],
    missions: [{ id: 'build', tasks: ['code-*'] }],
    norms: [{ type: 'permission', role: 'coder', mission: 'build' }],
  };
  const agents = [agent('a', 'code', 'rust'), agent('b', 'code'), agent('c')];

  it('falls to the role that may do its mission, and to those of its players who can do it', () => {
    const plan = planOf({ id: 'code-1' }, { id: 'code-2', capabilities: ['rust'] }, { id: 'other' });
    expect(teamOf(raw, plan, agents).tasks).toEqual({
      'code-1': { role: 'coder', agents: ['a', 'b'] },
      'code-2': { role: 'coder', agents: ['a'] },
      other: {},
    });
  });

  it('falls to the first of several roles that has a player who can do it', () => {
    const several = { ...raw, norms: ['tester', 'coder'].map((role) => ({ type: 'permission', role, mission: 'build' })) };
    const tester = { id: 'tester', capabilities: ['test'] };
    const plan = planOf({ id: 'code-1', capabilities: ['rust'] });
    const roles = [tester, { id: 'coder', capabilities: ['code'] }];
    expect(teamOf({ ...several, roles }, plan, agents).tasks).toEqual({ 'code-1': { role: 'coder', agents: ['a'] } });
    expect(teamOf({ ...several, roles }, plan, [agent('t', 'test', 'rust'), ...agents]).tasks['code-1']?.role).toBe('tester');
  });

  it('that no player of its role can do makes the organization infeasible, and so does a role that is not there', () => {
    expect(propose(raw, planOf({ id: 'code-1', capabilities: ['go'] }), [...agents, agent('d', 'go')])).toMatchObject({
      ok: false,
      error: { code: 'ORGANIZATION_INFEASIBLE', context: { isProven: true, tasks: [{ taskId: 'code-1', capabilities: ['go'] }] } },
    });
    expect(propose(raw, planOf({ id: 'x', role: 'pilot' }), agents)).toMatchObject({
      ok: false,
      error: { code: 'ORGANIZATION_INFEASIBLE', context: { tasks: [{ taskId: 'x', role: 'pilot' }] } },
    });
  });
});

describe('norms', () => {
  const agents = [agent('a'), agent('b')];
  const base = {
    roles: [{ id: 'coder' }, { id: 'tester' }],
    missions: [
      { id: 'build', tasks: ['code'] },
      { id: 'ship', tasks: ['ship-*'] },
    ],
  };
  const violation = (norms: object[], task: TaskForTest) => {
    const team = teamOf({ ...base, norms }, planOf(task), agents);
    expect(team.tasks[task.id]?.agents === undefined).toBe(team.tasks[task.id]?.violation !== undefined);
    return team.tasks[task.id]?.violation;
  };
  const permission = { id: 'p', type: 'permission', role: 'coder', mission: 'build' };

  it.each(['permission', 'obligation'])('keep a mission with a %s from all other roles', (type) => {
    expect(violation([{ ...permission, type }], { id: 'code', role: 'tester' })).toMatchObject({ normId: 'p' });
    expect(violation([{ ...permission, type }], { id: 'code', role: 'coder' })).toBeUndefined();
    expect(violation([{ ...permission, type }], { id: 'ship-1', role: 'tester' })).toBeUndefined();
  });

  it('forbid a role a mission, a tool by name or wildcard, or a tool in a mission', () => {
    const forbid = (what: object) => [{ id: 'no', type: 'prohibition', role: 'tester', ...what }];
    const ship = (...tools: string[]) => ({ id: 'ship-1', role: 'tester', tools });
    expect(violation(forbid({ mission: 'ship' }), ship())).toMatchObject({ normId: 'no' });
    expect(violation(forbid({ mission: 'build' }), ship())).toBeUndefined();
    expect(violation(forbid({ tools: ['git'] }), ship('echo', 'git'))).toMatchObject({
      normId: 'no',
      message: expect.stringContaining('"git"'),
    });
    expect(violation(forbid({ tools: ['git-*'] }), ship('git-push'))).toMatchObject({ normId: 'no' });
    expect(violation(forbid({ tools: ['git-*'] }), ship('git'))).toBeUndefined();
    expect(violation(forbid({ tools: ['git'], mission: 'build' }), ship('git'))).toBeUndefined();
    expect(violation(forbid({ tools: ['git'], mission: 'ship' }), ship('git'))).toMatchObject({ normId: 'no' });
    expect(violation(forbid({ tools: ['git'] }), { ...ship('git'), role: 'coder' })).toBeUndefined();
  });

  it('that forbid a role everything block its tasks and do not make the organization infeasible', () => {
    const norms = [{ id: 'no', type: 'prohibition', role: 'tester', tools: ['*'] }];
    const nobody = { ...base, roles: [{ id: 'coder' }, { id: 'tester', capabilities: ['unheard-of'] }], norms };
    expect(teamOf(nobody, planOf({ id: 'x', role: 'tester', tools: ['echo'] }), agents).tasks['x']).toMatchObject({
      violation: { normId: 'no' },
    });
  });

  it('send a task to another role that may do it', () => {
    const norms = [
      permission,
      { ...permission, id: 'q', role: 'tester' },
      { id: 'no', type: 'prohibition', role: 'coder', mission: 'build' },
    ];
    expect(teamOf({ ...base, norms }, planOf({ id: 'code' }), agents).tasks['code']?.role).toBe('tester');
  });

  it('that oblige with a deadline are handed on with the tasks of their mission', () => {
    const norms = [
      { id: 'o', type: 'obligation', role: 'coder', mission: 'ship', deadlineMs: 500 },
      { id: 'whenever', type: 'obligation', role: 'coder', mission: 'build' },
    ];
    expect(teamOf({ ...base, norms }, planOf({ id: 'code' }), agents).obligations).toEqual([]);
    expect(teamOf({ ...base, norms }, planOf({ id: 'ship-2' }, { id: 'code' }, { id: 'ship-1' }), agents).obligations).toEqual([
      { normId: 'o', role: 'coder', mission: 'ship', tasks: ['ship-2', 'ship-1'], deadlineMs: 500 },
    ]);
  });
});

describe('ten thousand agents and a thousand tasks', () => {
  const skills = Array.from({ length: 50 }, (_, n) => `s${n}`);
  const skill = (n: number): string => skills[n % skills.length] ?? '';
  const agents = Array.from({ length: 10_000 }, (_, n) => agent(`a${n}`, skill(n), skill(n * 7 + 1), skill(n * 13 + 2)));
  const tasks = Array.from({ length: 1_000 }, (_, n) => ({ id: `t${n}`, capabilities: [skill(n)], role: `r${n % 50}` }));

  it('become a team in which every task has its players, the same one each time', () => {
    const roles = Array.from({ length: 50 }, (_, n) => ({ id: `r${n}`, capabilities: [skill(n)], min: 20, max: 200, compatibleWith: [] }));
    const organization = organizationOf({ roles });
    const first = organize(organization, planOf(...tasks), agents);
    expect(first.ok).toBe(true);
    if (!first.ok) return;
    const played = Object.values(first.team.roles).flat();
    expect(new Set(played).size).toBe(played.length);
    for (const task of Object.values(first.team.tasks)) expect(task.agents?.length).toBeGreaterThanOrEqual(20);
    expect(organize(organization, planOf(...tasks), agents)).toEqual(first);
  });
});

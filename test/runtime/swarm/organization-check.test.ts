/** SWM-5: an organization as somebody wrote it. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkOrganization, UNLIMITED } from '../../../src/runtime/swarm/organization-check.ts';

const roles = [{ id: 'coder' }, { id: 'tester' }];
const missions = [{ id: 'build', tasks: ['code', 'test-*'] }];
const issuesOf = (raw: unknown, surroundings = {}) =>
  (checkOrganization(raw, surroundings).issues ?? []).map(({ code, path }) => `${code} ${path.join('.')}`);

describe('a sound organization', () => {
  it('is completed: any number of players, one at least for a role with an obligation, and a name for every norm', () => {
    const norms = [
      { type: 'obligation', role: 'coder', mission: 'build', deadlineMs: 1 },
      { id: 'norm-3', type: 'permission', role: 'tester', mission: 'build' },
      { type: 'prohibition', role: 'tester', tools: ['deploy-*'] },
    ];
    const { organization } = checkOrganization({ roles, missions, norms });
    expect(organization?.roles).toEqual([
      { id: 'coder', min: 1, max: UNLIMITED, capabilities: [] },
      { id: 'tester', min: 0, max: UNLIMITED, capabilities: [] },
    ]);
    expect(organization?.norms.map(({ id }) => id)).toEqual(['norm-1', 'norm-3', 'norm-4']);
    expect(JSON.parse(JSON.stringify(organization))).toEqual(organization);
  });

  it('may be empty, and says of itself what it says the first time', () => {
    expect(checkOrganization({})).toEqual({ organization: { roles: [], missions: [], norms: [] } });
    const norms = [{ type: 'permission', role: 'coder', mission: 'build' }];
    const { organization } = checkOrganization({ roles: [{ id: 'coder', min: 2, compatibleWith: [] }], missions, norms });
    expect(checkOrganization(organization)).toEqual({ organization });
  });
});

describe('an organization with mistakes', () => {
  it('hears of all of them at once, each with its place', () => {
    const raw = {
      roles: [{ id: 'coder', min: 3, max: 2, compatibleWith: ['codre'] }, { id: 'coder' }, { id: 'tester', min: -1, max: 0, skill: 1 }],
      missions: [
        { id: 'build', tasks: ['code', 'cod', 'test-*'] },
        { id: 'build', tasks: [] },
      ],
      norms: [
        { type: 'permission', role: 'nobody', mission: 'none' },
        { type: 'obligation', role: 'tester', mission: 'build', deadlineMs: 0 },
        { type: 'prohibition', role: 'coder', tools: ['ecoh', 'git-*'] },
        { type: 'prohibition', role: 'coder' },
        { type: 'wish', role: 'coder' },
      ],
      goal: 'x',
    };
    expect(issuesOf(raw, { taskIds: ['code'], tools: ['echo'] }).sort()).toEqual([
      'DUPLICATE_ID roles.1.id',
      'INVALID_VALUE missions.1.tasks',
      'INVALID_VALUE norms.1.deadlineMs',
      'INVALID_VALUE norms.3',
      'INVALID_VALUE norms.4.type',
      'INVALID_VALUE roles.0.min',
      'INVALID_VALUE roles.2.max',
      'INVALID_VALUE roles.2.min',
      'TOOL_NOT_FOUND norms.2.tools.0',
      'UNKNOWN_KEY goal',
      'UNKNOWN_KEY roles.2.skill',
      'UNRESOLVED_REFERENCE missions.0.tasks.1',
      'UNRESOLVED_REFERENCE norms.0.mission',
      'UNRESOLVED_REFERENCE norms.0.role',
      'UNRESOLVED_REFERENCE roles.0.compatibleWith.0',
    ]);
  });

  it('is told what it may have meant', () => {
    const norms = [{ type: 'permission', role: 'code', mission: 'build' }];
    expect(checkOrganization({ roles, missions, norms }).issues?.[0]?.message).toContain('Did you mean "coder"?');
  });

  it('does not compare names with what it does not know', () => {
    expect(issuesOf({ roles, missions, norms: [{ type: 'prohibition', role: 'coder', tools: ['anything'] }] })).toEqual([]);
  });

  it('has at most a hundred members of each kind', () => {
    expect(issuesOf({ roles: Array.from({ length: 101 }, (_, n) => ({ id: `r${n}` })) })).toEqual(['LIMIT_EXCEEDED roles']);
  });

  it.each([
    ['nothing', undefined],
    ['a list', []],
    ['a text', 'coder'],
    ['a list where an object belongs', { roles: [[]] }],
    ['an object where a list belongs', { roles: {} }],
    ['what JSON cannot carry', { roles: new Map() }],
    ['a key that reaches for the prototype', JSON.parse('{"__proto__": {}}')],
  ])('is refused when it is %s', (_, raw) => {
    expect(checkOrganization(raw).issues?.length).toBeGreaterThan(0);
  });

  it('never makes the checker throw', () => {
    const member = fc.oneof(
      fc.anything(),
      fc.record({ id: fc.anything(), tasks: fc.anything(), type: fc.anything() }, { requiredKeys: [] }),
    );
    const raw = fc.record({ roles: fc.array(member), missions: fc.array(member), norms: fc.array(member) }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), raw), (given) => {
        const { organization, issues } = checkOrganization(given);
        expect((organization === undefined) !== (issues === undefined)).toBe(true);
      }),
    );
  });
});

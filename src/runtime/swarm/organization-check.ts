/** An organization as somebody wrote it, checked: every problem at once, each with its place. */

import { z } from 'zod';
import { wrapTierError } from '../../actors/failure.ts';
import { toJson } from '../../actors/json.ts';
import type { ErrorCode, Issue } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import type { Norm, Organization, Role } from '../../machines/protocol/swarm.ts';
import { readPath } from '../../machines/references.ts';
import { describeProblem } from '../workflow/expectation.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { isWildcard } from './wildcard.ts';

/** Roles, missions and norms that an organization has at most, each. */
const MAX_MEMBERS = 100;
const MAX_NAMES = 1_000;
const MAX_BYTES = 1_048_576;
/** As `max` of a role: any number of agents. Infinity would not survive JSON. */
export const UNLIMITED: number = Number.MAX_SAFE_INTEGER;

const id = z.string().min(1).max(256);
const names = z.array(id).max(MAX_NAMES);
const role = z.strictObject({
  id,
  min: z.int().min(0).optional(),
  max: z.int().min(1).optional(),
  capabilities: names.default([]),
  compatibleWith: names.optional(),
});
const mission = z.strictObject({ id, tasks: names.min(1) });
const normId = id.optional();
const norm = z.discriminatedUnion('type', [
  z.strictObject({ id: normId, type: z.literal('permission'), role: id, mission: id }),
  z.strictObject({ id: normId, type: z.literal('obligation'), role: id, mission: id, deadlineMs: z.int().min(1).optional() }),
  z.strictObject({ id: normId, type: z.literal('prohibition'), role: id, mission: id.optional(), tools: names.min(1).optional() }),
]);
/** All keys that some role, mission or norm has. */
const KEYS = [role, mission, ...norm.options].flatMap(({ shape }) => Object.keys(shape));
const MEMBERS = { roles: role, missions: mission, norms: norm } as const;

/** What the checker may compare names with; what is not given is not checked. */
export interface OrganizationSurroundings {
  readonly taskIds?: Iterable<string>;
  readonly tools?: Iterable<string>;
}

export type OrganizationCheck =
  | { readonly organization: Organization; readonly issues?: undefined }
  | { readonly organization?: undefined; readonly issues: readonly Issue[] };

/**
 * Checks and completes an organization. A role's `min` defaults to 0, or to 1 when the role has an obligation; its `max` to any number; a norm
 * without an id gets one. Missions name tasks, and prohibitions tools, by name or with `*` for any characters. Never throws.
 *
 * Issues: INVALID_VALUE, UNKNOWN_KEY, LIMIT_EXCEEDED, DUPLICATE_ID, TOOL_NOT_FOUND, and UNRESOLVED_REFERENCE for what is named and not there.
 *
 * Source: Implementation Guide, "SwarmStateMachine Core Implementation" (the organizer's constraints).
 */
export function checkOrganization(raw: unknown, surroundings: OrganizationSurroundings = {}): OrganizationCheck {
  const issues: Issue[] = [];
  let json: Json;
  try {
    json = toJson(raw, 'The caller', MAX_BYTES);
  } catch (thrown) {
    return { issues: [{ code: 'INVALID_VALUE', path: [], message: wrapTierError(thrown, 'tier1').message }] };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return { issues: [{ code: 'INVALID_VALUE', path: [], message: 'An organization is an object of roles, missions and norms.' }] };
  }
  const given = json as { readonly [key: string]: Json };
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(MEMBERS, key)) continue;
    issues.push({ code: 'UNKNOWN_KEY', path: [key], message: `"${key}" means nothing here.${didYouMean(key, Object.keys(MEMBERS))}` });
  }
  const roles = members('roles', role, given, issues);
  const missions = members('missions', mission, given, issues);
  const norms = members('norms', norm, given, issues);
  const refer = new References({ roles: idsOf(given['roles']), missions: idsOf(given['missions']), ...surroundings }, issues);
  checkRoles(roles, refer, issues);
  for (const { at, value } of missions) refer.tasks(value.tasks, ['missions', at, 'tasks']);
  for (const { at, value } of norms) checkNorm(value, ['norms', at], refer, issues);
  const listed = { roles, missions, norms };
  for (const [list, all] of Object.entries(listed)) checkUnique(list, all, issues);
  if (issues.length > 0) return { issues };

  const obliged = new Set(norms.filter(({ value }) => value.type === 'obligation').map(({ value }) => value.role));
  return {
    organization: {
      roles: roles.map(({ value }): Role => {
        const { min = obliged.has(value.id) ? 1 : 0, max = UNLIMITED, compatibleWith } = value;
        return { id: value.id, min, max, capabilities: value.capabilities, ...(compatibleWith && { compatibleWith }) };
      }),
      missions: missions.map(({ value }) => value),
      norms: withIds(norms.map(({ value }) => value)),
    },
  };
}

interface Member<T> {
  readonly at: number;
  readonly value: T;
}

/** The sound members of a list; the problems of the others are noted. */
function members<S extends z.ZodType>(
  list: string,
  schema: S,
  given: { readonly [key: string]: Json },
  issues: Issue[],
): Member<z.output<S>>[] {
  const all = given[list] ?? [];
  if (!Array.isArray(all)) {
    issues.push({ code: 'INVALID_VALUE', path: [list], message: `"${list}" is a list.` });
    return [];
  }
  if (all.length > MAX_MEMBERS) {
    issues.push({
      code: 'LIMIT_EXCEEDED',
      path: [list],
      message: `An organization has at most ${MAX_MEMBERS} ${list}, not ${all.length}.`,
    });
  }
  return all.slice(0, MAX_MEMBERS).flatMap((member: Json, at: number) => {
    const parsed = schema.safeParse(member);
    if (parsed.success) return [{ at, value: parsed.data }];
    for (const issue of parsed.error.issues) issues.push(...translated(issue, member, [list, at]));
    return [];
  });
}

function translated(issue: z.core.$ZodIssue, member: Json, base: Issue['path']): Issue[] {
  const below = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  const path = [...base, ...below];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      code: 'UNKNOWN_KEY',
      path: [...path, key],
      message: `"${key}" means nothing here.${didYouMean(key, KEYS)}`,
    }));
  }
  const value = readPath(member, below);
  const message = value === undefined && below.length > 0 ? `"${below.at(-1)}" is required.` : describeProblem(issue, value);
  const isTooMuch = issue.code === 'too_big' && (issue.origin === 'array' || issue.origin === 'string');
  return [{ code: isTooMuch ? 'LIMIT_EXCEEDED' : 'INVALID_VALUE', path, message }];
}

/** Also of members that are not sound otherwise: one mistake is reported once, where it is. */
function idsOf(list: Json | undefined): string[] {
  if (!Array.isArray(list)) return [];
  const ids = list.map((member: Json) =>
    typeof member === 'object' && member !== null && !Array.isArray(member) ? (member as { readonly id?: Json }).id : undefined,
  );
  return ids.filter((found) => typeof found === 'string');
}

function checkUnique(list: string, all: readonly Member<{ readonly id?: string | undefined }>[], issues: Issue[]): void {
  const seen = new Set<string>();
  for (const { at, value } of all) {
    if (value.id === undefined) continue;
    if (seen.has(value.id)) {
      issues.push({ code: 'DUPLICATE_ID', path: [list, at, 'id'], message: `There is another "${value.id}" among the ${list}.` });
    }
    seen.add(value.id);
  }
}

function checkRoles(roles: readonly Member<z.output<typeof role>>[], refer: References, issues: Issue[]): void {
  for (const { at, value } of roles) {
    const { id: name, min = 0, max = UNLIMITED, compatibleWith = [] } = value;
    if (min > max) {
      issues.push({
        code: 'INVALID_VALUE',
        path: ['roles', at, 'min'],
        message: `Role "${name}" needs ${min} agents and may have ${max}.`,
      });
    }
    for (const [index, other] of compatibleWith.entries()) refer.name('roles', other, ['roles', at, 'compatibleWith', index]);
  }
}

function checkNorm(value: z.output<typeof norm>, path: Issue['path'], refer: References, issues: Issue[]): void {
  refer.name('roles', value.role, [...path, 'role']);
  if (value.mission !== undefined) refer.name('missions', value.mission, [...path, 'mission']);
  if (value.type !== 'prohibition') return;
  for (const [index, tool] of (value.tools ?? []).entries()) refer.name('tools', tool, [...path, 'tools', index]);
  if (value.mission !== undefined || value.tools !== undefined) return;
  issues.push({
    code: 'INVALID_VALUE',
    path,
    message: 'A prohibition names a mission, tools (["*"]: all), or both: those tools in that mission.',
  });
}

interface Known {
  readonly roles: readonly string[];
  readonly missions: readonly string[];
  readonly taskIds?: Iterable<string>;
  readonly tools?: Iterable<string>;
}

/** Looks up what is named elsewhere. */
class References {
  readonly #known: Readonly<Record<'roles' | 'missions' | 'tasks' | 'tools', ReadonlySet<string> | undefined>>;
  readonly #issues: Issue[];

  constructor({ roles, missions, taskIds, tools }: Known, issues: Issue[]) {
    const tasks = taskIds && new Set(taskIds);
    this.#known = { roles: new Set(roles), missions: new Set(missions), tasks, tools: tools && new Set(tools) };
    this.#issues = issues;
  }

  tasks(patterns: readonly string[], path: Issue['path']): void {
    for (const [index, pattern] of patterns.entries()) this.name('tasks', pattern, [...path, index]);
  }

  /** Wildcards may fit nothing: what there is to fit may come later. */
  name(kind: 'roles' | 'missions' | 'tasks' | 'tools', name: string, path: Issue['path']): void {
    const known = this.#known[kind];
    const mayBeWild = kind === 'tasks' || kind === 'tools';
    if (!known || known.has(name) || (mayBeWild && isWildcard(name))) return;
    const code: ErrorCode = kind === 'tools' ? 'TOOL_NOT_FOUND' : 'UNRESOLVED_REFERENCE';
    this.#issues.push({ code, path, message: `There is no ${kind.slice(0, -1)} "${name}".${didYouMean(name, known)}` });
  }
}

/** `norm-3` for the third one, or the next number that is free. */
function withIds(norms: readonly z.output<typeof norm>[]): Norm[] {
  const taken = new Set(norms.map((given) => given.id));
  return norms.map((given, index) => {
    let name = given.id;
    for (let number = index + 1; name === undefined; number++) {
      if (!taken.has(`norm-${number}`)) name = `norm-${number}`;
    }
    taken.add(name);
    return { ...given, id: name } as Norm;
  });
}

/** What someone who supervises their own actors writes, and what becomes of it. */

import type { AnyActorLogic } from 'xstate';
import { z } from 'zod';
import type { ChildKind } from '../../actors/supervised-children.ts';
import type { Issue } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { type Backoff, DEFAULT_BACKOFF } from '../../machines/protocol/plan.ts';
import {
  DEFAULT_INTENSITY,
  DEFAULT_MAX_CHILDREN,
  DEFAULT_SHUTDOWN_MS,
  type RestartStrategy,
  type RestartType,
  type Shutdown,
  type SupervisedSpec,
  type SupervisorOutcome,
  type SupervisorSpec,
} from '../../machines/protocol/supervisor.ts';

export interface SupervisedChild {
  /** Unique within the supervisor. */
  readonly id: string;
  /** Names one of the supervisor's kinds. */
  readonly src: string;
  /** @default 'permanent' */
  readonly restart?: RestartType;
  /** @default 5_000 ms; of a supervisor `infinity`, because it waits for its own children */
  readonly shutdown?: Shutdown;
  /** Needs an `autoShutdown`, and a child that is not permanent. @default false */
  readonly significant?: boolean;
  /** JSON. @default null */
  readonly input?: Json;
}

/** A child may be the bare logic of an actor, logic with its part in supervision, or a supervisor in its own right. */
export type SupervisedKind = AnyActorLogic | ChildKind | { readonly supervisor: SupervisorDefinition };

export interface SupervisorDefinition {
  /** @default 'supervisor'; of a supervisor below another, its name and the child's id */
  readonly name?: string;
  /** @default 'one-for-one' */
  readonly strategy?: RestartStrategy;
  /** @default 3 in 60_000 ms */
  readonly intensity?: { readonly maxRestarts: number; readonly withinMs: number };
  /** What is left out is exponential, 1_000 ms at first and 30_000 ms at most. @default none: a child is started again at once */
  readonly backoff?: Partial<Backoff>;
  /** @default 'never' */
  readonly autoShutdown?: SupervisorSpec['autoShutdown'];
  readonly kinds: Readonly<Record<string, SupervisedKind>>;
  /** Started in this order, stopped in reverse. */
  readonly children?: readonly SupervisedChild[];
  /** Makes the supervisor dynamic: instead of children it has any number of this one, each started on request. */
  readonly template?: SupervisedChild;
  /** @default 100_000 */
  readonly maxChildren?: number;
}

const MAX_DEPTH = 20;
const MAX_ID_LENGTH = 1_000;
const MAX_MS = Number.MAX_SAFE_INTEGER / 2;

const ms = z.number().int().min(0).max(MAX_MS);
const id = z.string().min(1).max(MAX_ID_LENGTH);

const childSchema = z.strictObject({
  id,
  src: z.string(),
  restart: z.enum(['permanent', 'transient', 'temporary']).optional(),
  shutdown: z.union([ms, z.literal('brutal'), z.literal('infinity')]).optional(),
  significant: z.boolean().optional(),
  input: z.json().optional(),
});

export const dynamicChildSchema = z.strictObject({ id: id.optional(), input: z.json().optional() });

const supervisorSchema = z.strictObject({
  name: id.optional(),
  strategy: z.enum(['one-for-one', 'one-for-all', 'rest-for-one']).optional(),
  intensity: z.strictObject({ maxRestarts: z.number().int().min(0), withinMs: ms.min(1) }).optional(),
  backoff: z
    .strictObject({
      strategy: z.enum(['fixed', 'linear', 'exponential']).optional(),
      baseMs: ms.optional(),
      factor: z.number().min(1).optional(),
      maxMs: ms.optional(),
      jitter: z.number().min(0).max(1).optional(),
    })
    .optional(),
  autoShutdown: z.enum(['never', 'any-significant', 'all-significant']).optional(),
  kinds: z.record(z.string(), z.unknown()),
  children: z.array(childSchema).optional(),
  template: childSchema.optional(),
  maxChildren: z.number().int().min(0).optional(),
});

type Path = readonly (string | number)[];

export function zodIssues(error: z.ZodError, path: Path = []): readonly Issue[] {
  return error.issues.map((issue) => ({
    code: issue.code === 'unrecognized_keys' ? 'UNKNOWN_KEY' : 'INVALID_VALUE',
    path: [...path, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))],
    message: issue.message,
  }));
}

/** Every problem of a definition, and of those below it. Never throws. */
export function definitionIssues(definition: unknown, path: Path = [], depth = 0): readonly Issue[] {
  if (depth > MAX_DEPTH) return [{ code: 'LIMIT_EXCEEDED', path, message: `Supervisors stand at most ${MAX_DEPTH} deep` }];
  const parsed = safely(() => supervisorSchema.safeParse(definition));
  if (!parsed) return [{ code: 'INVALID_VALUE', path, message: 'It throws when it is read' }];
  if (!parsed.success) return zodIssues(parsed.error, path);
  const { kinds, children = [], template, autoShutdown = 'never', strategy = 'one-for-one' } = parsed.data as SupervisorDefinition;
  const issues: Issue[] = [];
  for (const [name, kind] of Object.entries(kinds)) {
    const at = [...path, 'kinds', name];
    const nested = nestedOf(kind);
    if (nested) issues.push(...definitionIssues(nested, [...at, 'supervisor'], depth + 1));
    else if (!isLogic(kind) && !isLogic((kind as Partial<ChildKind> | null)?.logic)) {
      issues.push({ code: 'INVALID_VALUE', path: at, message: 'Neither the logic of an actor, nor a kind of child, nor a supervisor' });
    }
  }
  const seen = new Set<string>();
  for (const [index, child] of children.entries()) {
    issues.push(...childIssues(child, kinds, autoShutdown, [...path, 'children', index]));
    if (seen.has(child.id))
      issues.push({ code: 'DUPLICATE_ID', path: [...path, 'children', index, 'id'], message: `Two children are called "${child.id}"` });
    seen.add(child.id);
  }
  if (children.length > (parsed.data.maxChildren ?? DEFAULT_MAX_CHILDREN)) {
    issues.push({ code: 'LIMIT_EXCEEDED', path: [...path, 'children'], message: 'More children than the supervisor may have' });
  }
  if (!template) return issues;
  issues.push(...childIssues(template, kinds, autoShutdown, [...path, 'template']));
  if (children.length > 0)
    issues.push({ code: 'INVALID_VALUE', path: [...path, 'children'], message: 'A dynamic supervisor starts with no children' });
  if (strategy !== 'one-for-one')
    issues.push({ code: 'INVALID_VALUE', path: [...path, 'strategy'], message: 'A dynamic supervisor is one-for-one' });
  return issues;
}

/** Every problem of a child that is to be started later. */
export function newChildIssues(child: unknown, { kinds, autoShutdown = 'never', template }: SupervisorDefinition): readonly Issue[] {
  const schema = template ? dynamicChildSchema : childSchema;
  const parsed = safely(() => schema.safeParse(child));
  if (!parsed) return [{ code: 'INVALID_VALUE', path: [], message: 'It throws when it is read' }];
  if (!parsed.success) return zodIssues(parsed.error);
  return template ? [] : childIssues(parsed.data as SupervisedChild, kinds, autoShutdown, []);
}

function childIssues(
  { src, restart = 'permanent', significant }: SupervisedChild,
  kinds: SupervisorDefinition['kinds'],
  autoShutdown: SupervisorSpec['autoShutdown'],
  path: Path,
): readonly Issue[] {
  const issues: Issue[] = [];
  const add = (key: string, message: string) => issues.push({ code: 'INVALID_VALUE', path: [...path, key], message });
  if (!Object.hasOwn(kinds, src)) add('src', `There is no kind "${src}"`);
  if (significant && autoShutdown === 'never') add('significant', 'A significant child needs an autoShutdown');
  if (significant && restart === 'permanent') add('significant', 'A permanent child cannot be significant: it does not end');
  return issues;
}

export function supervisorSpec(definition: SupervisorDefinition, name = definition.name ?? 'supervisor'): SupervisorSpec {
  const { strategy = 'one-for-one', intensity = DEFAULT_INTENSITY, backoff, autoShutdown = 'never', children = [], template } = definition;
  return {
    name,
    strategy,
    intensity,
    ...(backoff && { backoff: { ...DEFAULT_BACKOFF, ...backoff } }),
    autoShutdown,
    children: children.map((child) => supervisedSpec(child, definition)),
    ...(template && { template: supervisedSpec(template, definition) }),
    maxChildren: definition.maxChildren ?? DEFAULT_MAX_CHILDREN,
  };
}

export function supervisedSpec(child: SupervisedChild, { kinds }: SupervisorDefinition): SupervisedSpec {
  const isSupervisor = nestedOf(kinds[child.src]) !== undefined;
  return {
    restart: 'permanent',
    shutdown: isSupervisor ? 'infinity' : DEFAULT_SHUTDOWN_MS,
    significant: false,
    input: null,
    ...child,
    type: isSupervisor ? 'supervisor' : 'worker',
  };
}

/** The definition of a kind that is a supervisor. */
export const nestedOf = (kind: unknown): SupervisorDefinition | undefined =>
  safely(() => (kind as { readonly supervisor?: SupervisorDefinition } | null | undefined)?.supervisor);

export const kindOf = (kind: SupervisedKind): ChildKind => (isLogic(kind) ? { logic: kind } : (kind as ChildKind));

/** A supervisor below another has failed when it has escalated. */
export const failureOfSupervisor = (output: unknown): unknown => {
  const { end, reason, childId, cause } = output as SupervisorOutcome;
  if (end === 'stopped') return undefined;
  const about = reason === 'intensity' ? 'ended too often' : 'failed to start';
  return new Error(`The child "${childId ?? '?'}" ${about}${cause ? `: ${cause.message}` : ''}`);
};

const isLogic = (value: unknown): value is AnyActorLogic =>
  safely(() => typeof (value as Partial<AnyActorLogic> | null | undefined)?.transition === 'function') === true;

function safely<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

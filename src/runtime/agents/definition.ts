/** An agent as its author gives it: data and hooks. */

import { z } from 'zod';
import type { AgentContext, AgentHooks } from '../../actors/agent-body.ts';
import { asCause, describe, memberOf } from '../../actors/failure.ts';
import { toJson } from '../../actors/json.ts';
import { type AgentLife, type AgentSpec, DEFAULT_LIFE } from '../../machines/protocol/agent.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import { describeProblem } from '../workflow/expectation.ts';
import { IssueList, issuesToError, type Path } from '../workflow/issues.ts';
import { didYouMean } from '../workflow/suggest.ts';

/**
 * An agent: who it is, what it can do, and how it lives.
 *
 * Source: Agent System Components, "Agent Registry"; Execution Layer Architecture, "Agent Specifications", "Agent Lifecycle Management".
 */
export interface AgentDefinition {
  /** Unique among the agents that are registered. */
  readonly id: string;
  /** @default its id */
  readonly name?: string;
  /** For instance `coder`, `tester`, `reviewer`; any word. @default 'agent' */
  readonly type?: string;
  /** At least one. It gets only what asks for some of these. */
  readonly capabilities: readonly string[];
  /** Tasks that it takes at once. @default 1 */
  readonly maxConcurrentTasks?: number;
  readonly description?: string;
  readonly persona?: string;
  readonly languages?: readonly string[];
  readonly frameworks?: readonly string[];
  readonly specialization?: string;
  readonly metadata?: JsonObject;
  /** An agent that has not initialized itself by then has failed to start. Milliseconds. @default 30_000 */
  readonly readyTimeoutMs?: number;
  /** It is ready when this resolves. Throwing crashes it. */
  readonly initialize?: (context: AgentContext) => unknown;
  /** Called once at the end of every life that began to initialize. It may take 5 seconds. */
  readonly dispose?: (context: AgentContext) => unknown;
  readonly heartbeat?: {
    /** Rest between two checks. Milliseconds. */
    readonly intervalMs: number;
    /** A check that has not resolved by then is missed. Milliseconds. @default intervalMs */
    readonly timeoutMs?: number;
    /** The first miss means no new leases, so many in a row that it is lost. @default 3 */
    readonly misses?: number;
    /** Resolves when the agent is well. Throwing crashes it. */
    readonly check: (context: AgentContext) => unknown;
  };
  /** How often it is started again after a crash, a loss or a failed start. @default 3 times within 60_000 ms */
  readonly restart?: { readonly maxRestarts: number; readonly withinMs: number };
}

/** A definition that was checked. */
export interface CheckedAgent {
  readonly spec: AgentSpec;
  readonly hooks: AgentHooks | undefined;
}

const MOST_TEXT = 100_000;
const MOST_METADATA_BYTES = 100_000;
const name = z.string().min(1).max(500);
const text = z.string().max(MOST_TEXT);
const names = z.array(name).max(100);
/** Timers cannot wait longer. */
const ms = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const hook = z.custom<(context: AgentContext) => unknown>((value) => typeof value === 'function', 'Expected a function');

const Definition = z.strictObject({
  id: name,
  name: name.optional(),
  type: name.optional(),
  capabilities: names.min(1),
  maxConcurrentTasks: z.int().min(1).max(10_000).optional(),
  description: text.optional(),
  persona: text.optional(),
  languages: names.optional(),
  frameworks: names.optional(),
  specialization: text.optional(),
  metadata: z
    .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'Expected an object')
    .optional(),
  readyTimeoutMs: ms.optional(),
  initialize: hook.optional(),
  dispose: hook.optional(),
  heartbeat: z
    .strictObject({ intervalMs: ms, timeoutMs: ms.optional(), misses: z.int().min(1).max(1_000).optional(), check: hook })
    .optional(),
  restart: z.strictObject({ maxRestarts: z.int().min(0).max(1_000), withinMs: ms }).optional(),
});

/**
 * Checks definitions, all or none. Throws every problem at once: INVALID_VALUE, DUPLICATE_AGENT for an id that is taken, UNKNOWN_KEY;
 * several problems are one WORKFLOW_INVALID with `issues`.
 *
 * @param hasFaults Every agent needs a body, for faults are thrown there.
 */
export function checkAgents(
  given: readonly unknown[],
  isTaken: (id: string) => boolean,
  hasFaults: boolean,
  root: Path,
): readonly CheckedAgent[] {
  const check = checkingAgents(given, isTaken, hasFaults, root);
  for (;;) {
    const { done, value } = check.next();
    if (done) return value;
  }
}

/** Definitions that are checked before the event loop should get its turn: a millisecond's worth. */
const BATCH = 250;

/** As `checkAgents`, with a pause after each batch. */
export function* checkingAgents(
  given: readonly unknown[],
  isTaken: (id: string) => boolean,
  hasFaults: boolean,
  root: Path,
): Generator<void, readonly CheckedAgent[]> {
  const issues = new IssueList();
  const ids = new Set<string>();
  const agents: CheckedAgent[] = [];
  for (const [index, raw] of given.entries()) {
    if (index > 0 && index % BATCH === 0) yield;
    const path = given.length === 1 && root.length === 0 ? [] : [...root, index];
    const id = memberOf(raw, 'id');
    if (typeof id === 'string') {
      if (ids.has(id) || isTaken(id)) issues.add('DUPLICATE_AGENT', [...path, 'id'], `There is an agent "${describe(id)}" already`);
      ids.add(id);
    }
    agents.push(...checked(raw, path, hasFaults, issues));
  }
  if (!issues.isEmpty) throw issuesToError(issues.all());
  return agents;
}

function checked(raw: unknown, path: Path, hasFaults: boolean, issues: IssueList): readonly CheckedAgent[] {
  const result = read(raw, path, issues);
  if (!result) return [];
  if (!result.success) {
    for (const issue of result.error.issues) report(issue, raw, path, issues);
    return [];
  }
  const { initialize, dispose, heartbeat, restart, readyTimeoutMs, capabilities, metadata, ...rest } = result.data;
  const hooks: AgentHooks = {
    ...(initialize && { initialize }),
    ...(dispose && { dispose }),
    ...(heartbeat && { check: heartbeat.check }),
  };
  const hasHooks = Object.keys(hooks).length > 0;
  const hasBody = hasHooks || hasFaults;
  const { id, name: called = id, type = 'agent', maxConcurrentTasks = 1, languages = [], frameworks = [] } = rest;
  const { description, persona, specialization } = rest;
  const spec: AgentSpec = {
    id,
    name: called,
    type,
    capabilities: [...new Set(capabilities)].sort(),
    maxConcurrentTasks,
    ...(description !== undefined && { description }),
    ...(persona !== undefined && { persona }),
    languages,
    frameworks,
    ...(specialization !== undefined && { specialization }),
    metadata: metadataOf(metadata, [...path, 'metadata'], issues),
    ...((hasBody || restart) && { life: lifeOf(hasBody, readyTimeoutMs, heartbeat, restart) }),
  };
  return [{ spec, hooks: hasHooks ? hooks : undefined }];
}

/** Reading what a caller gives may throw anything: it may be a proxy. */
function read(raw: unknown, path: Path, issues: IssueList) {
  try {
    return Definition.safeParse(raw);
  } catch (thrown) {
    issues.add('INVALID_VALUE', path, `The agent cannot be read: ${asCause(thrown).message}`);
    return undefined;
  }
}

function report(issue: z.core.$ZodIssue, raw: unknown, path: Path, issues: IssueList): void {
  const below = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  const at = [...path, ...below];
  if (issue.code === 'unrecognized_keys') {
    const known = below.length === 0 ? Object.keys(Definition.shape) : [];
    for (const key of issue.keys) issues.add('UNKNOWN_KEY', [...at, key], `"${key}" means nothing here.${didYouMean(key, known)}`);
    return;
  }
  const value = below.reduce<unknown>((holder, key) => memberOf(holder, String(key)), raw);
  const isMissing = value === undefined && below.length > 0;
  issues.add('INVALID_VALUE', at, isMissing ? `"${below.at(-1)}" is required.` : describeProblem(issue, value));
}

type Parsed = z.infer<typeof Definition>;

const lifeOf = (
  hasBody: boolean,
  readyTimeoutMs: number | undefined,
  heartbeat: Parsed['heartbeat'],
  restart: Parsed['restart'],
): AgentLife => ({
  hasBody,
  readyTimeoutMs: readyTimeoutMs ?? DEFAULT_LIFE.readyTimeoutMs,
  restart: restart ?? DEFAULT_LIFE.restart,
  ...(heartbeat && {
    heartbeat: { intervalMs: heartbeat.intervalMs, timeoutMs: heartbeat.timeoutMs ?? heartbeat.intervalMs, misses: heartbeat.misses ?? 3 },
  }),
});

const NO_METADATA: JsonObject = {};

function metadataOf(given: JsonObject | undefined, path: Path, issues: IssueList): JsonObject {
  if (given === undefined) return NO_METADATA;
  try {
    return toJson(given, 'The metadata', MOST_METADATA_BYTES) as JsonObject;
  } catch (refused) {
    issues.add('INVALID_VALUE', path, String(memberOf(refused, 'message')));
    return NO_METADATA;
  }
}

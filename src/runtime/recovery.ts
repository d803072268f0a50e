/** What a runtime does about errors by their class, and about tasks that no agent could do: read, checked, and in the words of the charts. */

import { z } from 'zod';
import { memberOf, wrapTierError } from '../actors/failure.ts';
import { toJson } from '../actors/json.ts';
import { ERROR_CLASSES, type ErrorClass, type Issue, isRetryable, SwarmchartError } from '../machines/protocol/errors.ts';
import type { Recovery } from '../machines/protocol/plan.ts';
import type { Escalation } from '../machines/protocol/swarm.ts';
import { fallbackOf, policyOf, retryPolicy } from './workflow/compile.ts';
import { describeProblem } from './workflow/expectation.ts';
import { issuesToError } from './workflow/issues.ts';
import type { WorkflowRegistry } from './workflow/registry.ts';
import { Backoff, Fallback, maxRetries, name, quorum, timeout } from './workflow/shapes.ts';

const CLASSES = [...new Set(Object.values(ERROR_CLASSES))] as [ErrorClass, ...ErrorClass[]];

const [Escalating, UsingValue, UsingTool, Skipping, Failing] = Fallback.options;
const ClassFallback = z.discriminatedUnion('action', [
  Escalating.omit({ on: true }),
  UsingValue.omit({ on: true }),
  UsingTool.omit({ on: true }),
  Skipping.omit({ on: true }),
  Failing.omit({ on: true }),
]);

const Strategy = z.strictObject({
  maxRetries: maxRetries.optional(),
  backoff: z.union([Backoff, z.enum(['fixed', 'linear', 'exponential'])]).optional(),
  fallback: ClassFallback.optional(),
  escalation: z
    .array(z.enum(['another-agent', 'replan', 'human']))
    .max(3)
    .optional(),
});
const Strategies = z.partialRecord(z.enum(CLASSES), Strategy).superRefine((given, { addIssue }) => {
  for (const [errorClass, strategy] of Object.entries(given)) {
    if (isRetryable(errorClass as ErrorClass) || !strategy?.maxRetries) continue;
    addIssue({ code: 'custom', path: [errorClass, 'maxRetries'], message: `Errors of class ${errorClass} are never tried again` });
  }
});

/** What a definition or a runtime says about tasks that no agent could do. */
export const EscalationShape = z
  .strictObject({
    replans: z.int().min(0).max(100).optional().describe('New plans that may be asked for; none unless it says so.'),
    human: z
      .union([z.boolean(), z.strictObject({ role: name.optional(), quorum: quorum.optional(), timeout: timeout.optional() })])
      .optional()
      .describe('Who is asked in the end: anybody, or whom the policy names.'),
  })
  .describe('What becomes of a task that no agent could do, before it fails.');

/**
 * By class of error: retries for steps that have no policy of their own, a fallback of steps that work after theirs, and which rungs the failure
 * of a task takes (all that the swarm has, when it does not say).
 *
 * Source: Execution Layer Architecture, "Recovery Strategies".
 */
export type RecoveryStrategies = z.input<typeof Strategies>;
export type EscalationDefinition = z.input<typeof EscalationShape>;

/** Every problem of what a runtime was given as `recovery`, at its path. */
export const recoveryIssues = (given: unknown): readonly Issue[] => read(Strategies, given, 'recovery').issues;
export const escalationIssues = (given: unknown): readonly Issue[] => read(EscalationShape, given, 'escalation').issues;

/**
 * What a runtime does about failures, read once from its options: who changes those later changes nothing. Throws INVALID_VALUE, or
 * WORKFLOW_INVALID for several problems.
 */
export class Ladder {
  readonly #strategies: z.output<typeof Strategies>;
  readonly #escalation: EscalationDefinition;

  constructor(options: { readonly recovery?: unknown; readonly escalation?: unknown }) {
    const recovery = read(Strategies, options.recovery ?? {}, 'recovery');
    const escalation = read(EscalationShape, options.escalation ?? {}, 'escalation');
    const issues = [...recovery.issues, ...escalation.issues];
    if (issues.length > 0) throw issuesToError(issues);
    this.#strategies = recovery.data ?? {};
    this.#escalation = escalation.data ?? {};
  }

  /** In the words of the charts; the cost of a fallback's tool is what it is now. */
  recovery(registry: WorkflowRegistry): Partial<Record<ErrorClass, Recovery>> {
    const entries = Object.entries(this.#strategies).map(([errorClass, { maxRetries: most = 0, backoff, fallback, escalation }]) => {
      const policy = retryPolicy({ maxRetries: most, ...(backoff !== undefined && { backoff }) });
      const own = fallback && fallbackOf({ ...fallback, on: errorClass as ErrorClass }, registry);
      return [errorClass, { ...policy, ...(own && { fallback: own }), ...(escalation && { escalation }) }];
    });
    return Object.fromEntries(entries);
  }

  /** What a definition says stands over what the runtime says, word by word. Undefined: a task that no agent could do has failed. */
  escalation(own: EscalationDefinition = {}): Escalation | undefined {
    const given: EscalationDefinition = { ...this.#escalation, ...withoutUndefined(own) };
    const { replans = 0, human = false } = given;
    if (replans === 0 && human === false) return undefined;
    return { replans, ...(human !== false && { human: human === true ? {} : policyOf(human) }) };
  }
}

const withoutUndefined = (given: EscalationDefinition): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

/** Reading what a caller gives may throw anything: it may be a proxy. */
function read<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  root: string,
): { readonly data?: z.output<Schema>; readonly issues: readonly Issue[] } {
  try {
    const json = toJson(given, 'The caller', Number.MAX_SAFE_INTEGER);
    const result = schema.safeParse(json);
    if (result.success) return { data: result.data, issues: [] };
    const issues = result.error.issues.map((issue): Issue => {
      const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
      const value = path.reduce<unknown>((holder, key) => memberOf(holder, String(key)), json);
      return { code: 'INVALID_VALUE', path: [root, ...path], message: describeProblem(issue, value) };
    });
    return { issues };
  } catch (thrown) {
    if (thrown instanceof SwarmchartError && thrown.code === 'UNSAFE_KEY')
      return { issues: [{ code: 'UNSAFE_KEY', path: [root], message: thrown.message }] };
    return { issues: [{ code: 'INVALID_VALUE', path: [root], message: `It cannot be read: ${wrapTierError(thrown, 'tier2').message}` }] };
  }
}

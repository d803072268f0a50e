/** The closed family of errors. Match on `code`; `retryable` says whether trying again can help. */

import type { ExecutionError, JsonObject, Tier } from './execution.ts';

/** Source: Execution Layer Architecture, "Error Classification". */
export type ErrorClass = 'transient' | 'permanent' | 'resource' | 'timeout' | 'validation' | 'dependency';

/** Every code there is, with the class that decides its recovery. A plain `Error` from a tool is `EXECUTION_FAILED`. */
export const ERROR_CLASSES = {
  EXECUTION_FAILED: 'transient',
  ACTOR_CRASHED: 'transient',
  STEP_TIMEOUT: 'timeout',
  RUN_TIMEOUT: 'permanent',
  TOOL_NOT_FOUND: 'validation',
  MODULE_NOT_FOUND: 'validation',
  OPERATION_NOT_FOUND: 'validation',
  SECRET_NOT_FOUND: 'validation',
  UNKNOWN_STRATEGY: 'validation',
  MODEL_NOT_CONFIGURED: 'validation',
  MISSING_PARAMETER: 'validation',
  INVALID_PARAMETER_TYPE: 'validation',
  INVALID_PARAMETERS: 'validation',
  INVALID_OUTPUT: 'permanent',
  OUTPUT_TOO_LARGE: 'permanent',
  UNRESOLVED_REFERENCE: 'validation',
  CONDITION_FAILED: 'validation',
  UNSUPPORTED_STEP_TYPE: 'validation',
  UNSUPPORTED_CONDITION_TYPE: 'validation',
  DUPLICATE_ID: 'validation',
  UNKNOWN_DEPENDENCY: 'validation',
  DEPENDENCY_CYCLE: 'validation',
  LIMIT_EXCEEDED: 'validation',
  UNSAFE_KEY: 'validation',
  UNKNOWN_KEY: 'validation',
  INVALID_VALUE: 'validation',
  SYNTAX_ERROR: 'validation',
  WORKFLOW_INVALID: 'validation',
  WORKFLOW_NOT_FOUND: 'validation',
  INVALID_INPUT: 'validation',
  CIRCUIT_OPEN: 'dependency',
  RESOURCE_EXHAUSTED: 'resource',
  MAILBOX_FULL: 'resource',
  BRANCH_FAILED: 'permanent',
  CANCELLED: 'permanent',
  REJECTED_BY_HUMAN: 'permanent',
  PROCESS_FAILED: 'permanent',
  PROCESS_NOT_FOUND: 'permanent',
  JOURNAL_FAILED: 'permanent',
  JOURNAL_CONFLICT: 'permanent',
  JOURNAL_LOCKED: 'resource',
  JOURNAL_DAMAGED: 'permanent',
  JOURNAL_VERSION: 'permanent',
  JOURNAL_FULL: 'resource',
  RUNTIME_STOPPED: 'permanent',
  DUPLICATE_EXECUTION: 'validation',
  EXECUTION_NOT_FOUND: 'validation',
  NO_CAPABLE_AGENT: 'validation',
  DUPLICATE_AGENT: 'validation',
  AGENT_NOT_READY: 'transient',
  AGENT_CRASHED: 'transient',
  AGENT_LOST: 'transient',
  AGENT_UNREGISTERED: 'transient',
  LEASE_EXPIRED: 'timeout',
  DECOMPOSITION_FAILED: 'permanent',
  ROUTINE_NOT_FOUND: 'validation',
  SWARM_TIMEOUT: 'permanent',
  ORGANIZATION_INFEASIBLE: 'validation',
  NORM_VIOLATED: 'permanent',
  OBLIGATION_UNMET: 'permanent',
  BLACKBOARD_TYPE_MISMATCH: 'validation',
  BLACKBOARD_CONFLICT: 'transient',
  LOOP_EXHAUSTED: 'permanent',
  TEMPLATE_NOT_FOUND: 'validation',
  SYSTEM_PAUSED: 'resource',
  NOT_PERMITTED: 'permanent',
  APPROVAL_EXPIRED: 'permanent',
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof ERROR_CLASSES;

const RETRYABLE: ReadonlySet<ErrorClass> = new Set(['transient', 'timeout', 'resource']);

export const isRetryable = (errorClass: ErrorClass): boolean => RETRYABLE.has(errorClass);

/** One problem of a definition or an input: where it is, what it is. */
export interface Issue {
  readonly code: ErrorCode;
  /** Path from the document's root, for example `['steps', 2, 'timeout']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** 1-based position in the source text, when the definition came as text. */
  readonly line?: number;
  readonly column?: number;
}

export interface ErrorDetails {
  readonly errorClass?: ErrorClass;
  readonly cause?: unknown;
  readonly context?: JsonObject;
  readonly issues?: readonly Issue[];
}

/**
 * An error with a literal `code`. Tools may throw one to choose how their failure is treated;
 * anything else that they throw is `EXECUTION_FAILED`, of the class that it shows.
 */
export class SwarmchartError extends Error {
  override readonly name = 'SwarmchartError';
  readonly code: ErrorCode;
  readonly errorClass: ErrorClass;
  readonly retryable: boolean;
  readonly context?: JsonObject;
  /** Every problem found, when a definition or an input was refused. */
  readonly issues: readonly Issue[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.errorClass = details.errorClass ?? ERROR_CLASSES[code];
    this.retryable = isRetryable(this.errorClass);
    if (details.context) this.context = details.context;
    this.issues = details.issues ?? [];
  }
}

/** A failure as data, classed by its code unless the caller knows better. */
export function executionError(
  code: ErrorCode,
  message: string,
  tier: Tier,
  more: { readonly errorClass?: ErrorClass; readonly cause?: ExecutionError['cause']; readonly context?: JsonObject } = {},
): ExecutionError {
  const errorClass = more.errorClass ?? ERROR_CLASSES[code];
  return {
    code,
    message,
    tier,
    retryable: isRetryable(errorClass),
    errorClass,
    ...(more.cause && { cause: more.cause }),
    ...(more.context && { context: more.context }),
  };
}

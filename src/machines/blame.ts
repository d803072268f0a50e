/** Whom a failure is held against. */

import type { ErrorClass, ErrorCode } from './protocol/errors.ts';

/** What was asked for made no sense, or something else was in the way. */
const NOT_OURS: ReadonlySet<ErrorClass> = new Set(['validation', 'dependency', 'resource']);
/** People said so, other agents were lost, or there was too little to spend. */
const OF_OTHERS: ReadonlySet<ErrorCode> = new Set([
  'CANCELLED',
  'REJECTED_BY_HUMAN',
  'AGENT_CRASHED',
  'AGENT_LOST',
  'AGENT_NOT_READY',
  'AGENT_UNREGISTERED',
  'LEASE_EXPIRED',
  'RUNTIME_STOPPED',
  'RESOURCE_EXHAUSTED',
]);

/** Whether the failure of a task or a step says something about the agent that did it. */
export const blamesAgent = ({ code, errorClass }: { readonly code: ErrorCode; readonly errorClass: ErrorClass }): boolean =>
  !NOT_OURS.has(errorClass) && !OF_OTHERS.has(code);

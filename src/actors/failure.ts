/** From whatever user code threw to a failure as data. */

import type { ErrorClass } from '../machines/protocol/errors.ts';
import { executionError, SwarmchartError } from '../machines/protocol/errors.ts';
import type { ExecutionError, Tier } from '../machines/protocol/execution.ts';

/**
 * Wraps anything thrown. A SwarmchartError keeps its code and class; any other value is EXECUTION_FAILED, transient unless `classify` says otherwise.
 *
 * Source: Implementation Guide, "Error Handling Strategy".
 */
export function wrapTierError(
  thrown: unknown,
  tier: Tier,
  classify: (error: unknown) => ErrorClass | undefined = () => undefined,
): ExecutionError {
  if (thrown instanceof SwarmchartError) {
    const more = { errorClass: classOf(thrown, classify) ?? thrown.errorClass, ...causeOf(thrown.cause) };
    return executionError(thrown.code, thrown.message, tier, { ...more, ...(thrown.context && { context: thrown.context }) });
  }
  const errorClass = classOf(thrown, classify);
  const message = thrown instanceof Error ? thrown.message : `Threw ${describe(thrown)}, which is not an Error`;
  return executionError('EXECUTION_FAILED', message, tier, { ...(errorClass && { errorClass }), ...causeOf(thrown) });
}

/** A user's classifier must not decide over life and death of the runtime: if it throws, it has said nothing. */
function classOf(thrown: unknown, classify: (error: unknown) => ErrorClass | undefined): ErrorClass | undefined {
  try {
    return classify(thrown);
  } catch {
    return undefined;
  }
}

function causeOf(thrown: unknown): { readonly cause?: { readonly name: string; readonly message: string } } {
  if (thrown === undefined) return {};
  if (thrown instanceof Error) return { cause: { name: thrown.name, message: thrown.message } };
  return { cause: { name: typeof thrown, message: describe(thrown) } };
}

function describe(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** The doors of the public surface: whatever a caller gives may be a proxy, so reading it may throw anything. */

import { asCause, describe, isSwarmchartError } from '../actors/failure.ts';
import { type ErrorCode, SwarmchartError } from '../machines/protocol/errors.ts';

/** Reads what a caller gave. A SwarmchartError passes; anything else that is thrown becomes one of this code. */
export function reading<Value>(what: string, read: () => Value, code: ErrorCode = 'INVALID_INPUT'): Value {
  try {
    return read();
  } catch (thrown) {
    if (isSwarmchartError(thrown)) throw thrown;
    throw new SwarmchartError(code, `${what} cannot be read: ${asCause(thrown).message}`, { cause: thrown });
  }
}

/** Throws unless it is an object, and no list. */
export function checkObject(what: string, given: unknown, code: ErrorCode = 'INVALID_INPUT'): void {
  const isObject = typeof given === 'object' && given !== null && !reading(what, () => Array.isArray(given), code);
  if (!isObject) throw new SwarmchartError(code, `${what} must be an object, got ${describe(given)}`);
}

/** Nothing has an id that is no text. */
export const isId = (given: unknown): given is string => typeof given === 'string';

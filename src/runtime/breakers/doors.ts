/** What a caller may ask of the circuit breakers, checked. */

import { describe, memberOf } from '../../actors/failure.ts';
import { BREAKER_SCOPES, type BreakerKey, type BreakerScope } from '../../machines/protocol/breaker.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import { reading } from '../door.ts';
import { didYouMean } from '../workflow/suggest.ts';

/** Who does it, for the record. */
export interface Audit {
  readonly by?: string;
}

/** A call of the embedder's own to one of its layers or providers. */
export interface GuardedCall {
  readonly scope: 'layer' | 'provider';
  readonly key: string;
  /** Aborting it means that the call was cancelled, which says nothing; unless the reason is a timeout. */
  readonly signal?: AbortSignal;
}

const MOST_TEXT = 256;
/** There is one system. */
export const SYSTEM: BreakerKey = { scope: 'system', key: 'system' };

/** Throws INVALID_VALUE for a scope that there is not, or a key that is no text. Of the system's scope the key may be left out. */
export function checkKey(scope: unknown, key: unknown): BreakerKey {
  if (!isScope(scope)) {
    const list = BREAKER_SCOPES.map((name) => `"${name}"`).join(', ');
    const guess = typeof scope === 'string' ? didYouMean(scope, BREAKER_SCOPES) : '';
    throw new SwarmchartError('INVALID_VALUE', `A breaker's scope is one of ${list}, got ${describe(scope)}.${guess}`);
  }
  if (scope === 'system' && key === undefined) return SYSTEM;
  if (typeof key === 'string') return { scope, key };
  throw new SwarmchartError('INVALID_VALUE', `A breaker's key is a text, got ${describe(key)}`);
}

/** Throws INVALID_VALUE for an author who is no text, or a very long one. */
export function checkAudit(given: unknown): Audit {
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null) throw new SwarmchartError('INVALID_VALUE', `Expected {by}, got ${describe(given)}`);
  const by = memberOf(given, 'by');
  if (by === undefined) return {};
  if (typeof by === 'string' && by.length <= MOST_TEXT) return { by };
  throw new SwarmchartError('INVALID_VALUE', `by must be a text of at most ${MOST_TEXT} characters, got ${describe(by)}`);
}

/** Throws INVALID_VALUE for what is neither a layer nor a provider, or no work. */
export function checkCall(given: unknown, work: unknown): GuardedCall {
  const scope = memberOf(given, 'scope');
  const key = memberOf(given, 'key');
  const signal = memberOf(given, 'signal');
  if (scope !== 'layer' && scope !== 'provider') {
    throw new SwarmchartError('INVALID_VALUE', `Only calls of scope "layer" and "provider" are guarded by hand, got ${describe(scope)}`);
  }
  if (typeof key !== 'string' || key === '' || key.length > MOST_TEXT) {
    throw new SwarmchartError('INVALID_VALUE', `A breaker's key is a text of 1 to ${MOST_TEXT} characters, got ${describe(key)}`);
  }
  if (signal !== undefined && !isSignal(signal)) throw new SwarmchartError('INVALID_VALUE', 'signal must be an AbortSignal');
  if (typeof work !== 'function') throw new SwarmchartError('INVALID_VALUE', `The work must be a function, got ${describe(work)}`);
  return { scope, key, ...(signal && { signal }) };
}

const isSignal = (given: unknown): given is AbortSignal => reading('The signal', () => given instanceof AbortSignal, 'INVALID_VALUE');
const isScope = (given: unknown): given is BreakerScope => BREAKER_SCOPES.some((scope) => scope === given);

/** A call through the circuit breakers that guard it. */

import type { BreakerKey } from '../machines/protocol/breaker.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import { errorClassOf, identityOf, memberOf } from './failure.ts';
import type { Guard, WorkServices } from './services.ts';
import type { AnyTool } from './tool.ts';

/** The breakers of a tool: its own, and its provider's. One that declines its own passes its provider's all the same. */
export function guardsOf({ name, breaker, provider }: Pick<AnyTool, 'name' | 'breaker' | 'provider'>): readonly Guard[] {
  return [
    ...(breaker === false ? [] : [{ scope: 'tool' as const, key: name, ...(breaker && { options: breaker }) }]),
    ...(provider === undefined ? [] : [{ scope: 'provider' as const, key: provider }]),
  ];
}

/**
 * Calls if every breaker lets it pass, and tells them how it went; throws CIRCUIT_OPEN without calling otherwise. Cancelled calls and invalid
 * input say nothing about what is guarded; a timeout does.
 */
export async function guarded<T>(
  { breakers, classify = () => undefined }: Pick<WorkServices, 'breakers'> & Partial<Pick<WorkServices, 'classify'>>,
  guards: readonly Guard[],
  signal: AbortSignal | undefined,
  call: () => T | Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  if (guards.length === 0) return call();
  const passage = breakers.enter(guards);
  if ('openAt' in passage) throw circuitOpen(passage.openAt);
  const { permit } = passage;
  const onAbort = () => (isTimeout(signal?.reason) ? permit.failed() : permit.released());
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const result = await call();
    permit.succeeded();
    return result;
  } catch (thrown) {
    if (errorClassOf(thrown, classify) === 'validation' || identityOf(thrown)?.code === 'CANCELLED') permit.released();
    else permit.failed();
    throw thrown;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Ours, and that of `AbortSignal.timeout`. */
const isTimeout = (reason: unknown): boolean => identityOf(reason)?.code === 'STEP_TIMEOUT' || memberOf(reason, 'name') === 'TimeoutError';

const circuitOpen = ({ scope, key }: BreakerKey): SwarmchartError =>
  new SwarmchartError('CIRCUIT_OPEN', `The circuit breaker of ${scope} "${key}" is open`, { context: { scope, key } });

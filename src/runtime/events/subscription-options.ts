/** What a subscription may be given. */

import { z } from 'zod';
import { describe } from '../../actors/failure.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { aCount, aFunction, checked, positiveMs } from './door.ts';

const Options = z
  .strictObject({
    filter: aFunction<(fact: Fact) => boolean | null | undefined>(),
    transform: aFunction<(fact: Fact) => unknown>(),
    queueLimit: aCount,
    overflow: z.enum(['drop-oldest', 'drop-newest', 'close']),
    timeoutMs: positiveMs,
  })
  .partial();

/** Throws INVALID_VALUE. */
export function checkSubscription(handler: unknown, options: unknown) {
  if (typeof handler !== 'function')
    throw new SwarmchartError('INVALID_VALUE', `A handler of facts is a function, got ${describe(handler)}`);
  return checked('The subscription', Options, options, 'INVALID_VALUE');
}

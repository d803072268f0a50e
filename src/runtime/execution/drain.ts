/** How a runtime that is to stop comes to rest: nothing begins, what is under way may end, and all that was recorded is committed. */

import type { Clock } from '../../actors/clock.ts';
import type { PostOffice } from '../../actors/post-office.ts';
import type { RecoveryFact } from '../../machines/protocol/recovery.ts';
import type { EffectGate } from './effect-gate.ts';
import type { Roots } from './roots.ts';

export interface DrainServices {
  readonly clock: Clock;
  readonly post: PostOffice;
  readonly roots: Roots;
  readonly effects: EffectGate;
  /** Records about a live root execution. */
  readonly note: (executionId: string, fact: RecoveryFact) => void;
}

/** So often all mail is delivered without a new fact before nothing more is expected: what ends is heard of by hops. */
const QUIET_ROUNDS = 4;

/** Resolves when it has come to rest, at the latest after `graceMs`. From its call on nothing begins. */
export async function drain(services: DrainServices, graceMs: number): Promise<void> {
  const { clock, effects } = services;
  effects.hold();
  if (graceMs > 0) await rest(services, graceMs);
  for (const executionId of effects.busy()) services.note(executionId, { type: 'execution/drained', at: clock.now(), payload: {} });
}

async function rest(services: DrainServices, graceMs: number): Promise<void> {
  const { clock, effects } = services;
  const deadline = Promise.withResolvers<void>();
  const timer = clock.setTimeout(() => deadline.resolve(), graceMs);
  await Promise.race([effects.idle().then(() => silence(services)), deadline.promise]);
  clock.clearTimeout(timer);
}

/** Resolves when no execution records anything any more. */
async function silence({ roots, post }: DrainServices): Promise<void> {
  const recorded = (): number => roots.values().reduce((sum, { stream }) => sum + stream.seq, 0);
  for (let before = -1, quiet = 0; quiet < QUIET_ROUNDS; ) {
    await Promise.all([...roots.values()].map(async ({ stream }) => stream.committed()?.catch(() => undefined)));
    const { promise, resolve } = Promise.withResolvers<void>();
    post.enqueue('runtime', 'drain', resolve);
    await promise;
    const now = recorded();
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

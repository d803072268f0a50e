/** What is asked of a live execution from outside: its commands, its state, and facts that others record in its stream. */

import type { EventObject } from 'xstate';
import type { Clock } from '../../actors/clock.ts';
import type { PostOffice } from '../../actors/post-office.ts';
import type { Secrets } from '../../actors/services.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { FactBody } from '../../machines/protocol/facts.ts';
import type { Journal } from '../journal/journal.ts';
import { foldStream } from '../journal/restoration.ts';
import { type Directory, phaseOf } from './directory.ts';
import type { Roots } from './roots.ts';

export interface CommandServices {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly roots: Roots;
  readonly post: PostOffice;
  readonly journal: Journal;
  /** Whoever tells a value tells it the runtime, and nobody else. */
  readonly secrets: Pick<Secrets, 'scrub'>;
}

export class Commands {
  readonly #services: CommandServices;

  constructor(services: CommandServices) {
    this.#services = services;
  }

  /**
   * Sends a command to a live execution. Resolves with whether it was accepted, once what was recorded before it is committed.
   * Rejects with MAILBOX_FULL when too many commands wait for it already.
   */
  async command(
    executionId: string,
    accepts: (phase: string, context: object) => boolean,
    event: (at: number) => EventObject,
  ): Promise<boolean> {
    await this.#services.roots.get(executionId)?.execution.started;
    if (!this.#services.directory.find(executionId)?.ref) await this.#mailUnderWay(executionId);
    const entry = this.#services.directory.find(executionId);
    const ref = entry?.ref;
    if (!ref) return false;
    const answer = Promise.withResolvers<boolean>();
    const deliver = (): boolean | Promise<boolean> => {
      const isAccepted = ref.getSnapshot().status === 'active' && accepts(phaseOf(entry), ref.getSnapshot().context);
      if (isAccepted) ref.send(this.#services.secrets.scrub(event(this.#services.clock.now())));
      return entry.stream.committed()?.then(() => isAccepted) ?? isAccepted;
    };
    const isTaken = this.#services.post.post(ref, 'command', () => {
      try {
        answer.resolve(deliver());
      } catch (thrown) {
        answer.reject(thrown);
      }
      return answer.promise;
    });
    if (!isTaken) throw new SwarmchartError('MAILBOX_FULL', `Too many commands wait for execution "${executionId}"`);
    return answer.promise;
  }

  /** A child lives a moment after the fact that it was started: what starts it is on its way. */
  async #mailUnderWay(executionId: string): Promise<void> {
    const root = executionId.split('/', 1)[0] ?? executionId;
    if (root === executionId || !this.#services.roots.has(root)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#services.post.enqueue(root, 'command', resolve);
    await promise;
  }

  /** The folded state of a root execution as far as it is committed: that of its actor, or, once it has settled, of its facts. */
  async stateOf(executionId: string): Promise<unknown> {
    await this.#services.roots.get(executionId)?.execution.started;
    const entry = this.#services.directory.find(executionId);
    // The ids of children begin with that of their root, which has no slash.
    if (!entry?.ref) return foldStream(await this.#services.journal.read(executionId.split('/', 1)[0] ?? executionId)).get(executionId);
    const { state } = entry.ref.getSnapshot().context as { readonly state: unknown };
    await entry.stream.committed();
    return state;
  }

  /** Records a fact about a live root execution in its stream, and gives the gate that it must pass; false when no such root lives. */
  record(executionId: string, fact: FactBody): Promise<void> | undefined | false {
    const root = this.#services.roots.get(executionId);
    // One that has ended may still wait for its last commit: after its terminal fact there is none.
    if (!root || this.#services.directory.find(executionId)?.ref?.getSnapshot().status !== 'active') return false;
    root.stream.record({ execution: root.execution.context, tier: root.tier, facts: [{ ...fact, at: Math.max(fact.at, root.stream.at) }] });
    return root.stream.committed();
  }

  /** The same, for what nobody waits for: that the stream has failed is told by the execution's result. */
  note(executionId: string, fact: FactBody): void {
    const gate = this.record(executionId, fact);
    if (gate) gate.catch(() => undefined);
  }
}

/**
 * The triggers of a runtime: workflows that start because something happened.
 *
 * Source: System Architecture, "Event Bus & Processing" (its last step); L3 Execution Layer, "Workflow Execution Engine".
 */

import { z } from 'zod';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { aCount, aFunction, checked } from './door.ts';
import { type FollowingServices, serviceId } from './routes.ts';
import { ServiceStream } from './service-stream.ts';
import { type CheckedTrigger, type StartRun, Trigger, type TriggerSnapshot } from './trigger.ts';
import { foldTrigger } from './trigger-state.ts';

export interface TriggerDefinition<Workflow> {
  /** Letters, digits, `_`, `-` and `.`: names it for good, also after a restart. */
  readonly id: string;
  readonly pattern: string;
  /** What is started: a definition, one that was loaded, or the id of one that was created. */
  readonly workflow: Workflow;
  /** Only for the facts for which it gives true. */
  readonly where?: (fact: Fact) => boolean | null | undefined;
  /** The run's input. @default {} */
  readonly input?: (fact: Fact) => JsonObject;
  /** Whether what happens in the runs that it started may start it again. @default false */
  readonly allowCycles?: boolean;
  /** Runs of it that live at once; further facts wait. @default 10 */
  readonly maxConcurrent?: number;
}

const Definition = z
  .strictObject({
    where: aFunction<(fact: Fact) => boolean | null | undefined>(),
    input: aFunction<(fact: Fact) => JsonObject>(),
    allowCycles: z.boolean(),
    maxConcurrent: aCount,
  })
  .partial()
  .extend({
    id: serviceId,
    pattern: z.string(),
    workflow: z.custom<unknown>(
      (given) => (typeof given === 'object' && given !== null) || typeof given === 'string',
      'Expected a workflow',
    ),
  });

export class Triggers<Workflow> {
  readonly #services: FollowingServices & { readonly start: StartRun<Workflow> };
  /** One that is being registered or unregistered holds its place. */
  readonly #triggers = new Map<string, Trigger<Workflow> | undefined>();
  #isStopped = false;

  constructor(services: FollowingServices & { readonly start: StartRun<Workflow> }) {
    this.#services = services;
  }

  /**
   * Starts the workflow for every fact that is committed from now on and matches, once for each: also when the event is sent again, and also across
   * a restart, after which it is to be registered again and goes on where it was. Rejects with INVALID_VALUE, with every problem, or DUPLICATE_ID.
   */
  async register(given: TriggerDefinition<Workflow>): Promise<void> {
    const trigger = checkedTrigger<Workflow>(given);
    const { id, pattern } = trigger;
    if (this.#isStopped) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
    if (this.#triggers.has(id)) throw new SwarmchartError('DUPLICATE_ID', `There is a trigger "${id}" already`);
    this.#triggers.set(id, undefined);
    try {
      const { journal, clock, log, scrub, read, start } = this.#services;
      const stream = await ServiceStream.open(`trigger/${id}`, this.#services);
      const state = foldTrigger(stream.earlier);
      const position = state.position ?? (await journal.end());
      const payload = { triggerId: id, pattern, ...state, position };
      await stream.record({ type: 'trigger/registered', at: clock.now(), payload });
      const services = { stream, journal, clock, log, scrub, start, read: (from: number) => read(pattern, from) };
      const started = new Trigger<Workflow>(trigger, { ...state, position }, services);
      this.#triggers.set(id, started);
      if (this.#isStopped) await started.stop();
    } catch (thrown) {
      this.#triggers.delete(id);
      throw thrown;
    }
  }

  /** It starts nothing more, and forgets how far it was. False for one that there is not. */
  async unregister(id: string): Promise<boolean> {
    const trigger = this.#triggers.get(id);
    if (!trigger) return false;
    // Until that is recorded the id is taken: a stream has one writer.
    this.#triggers.set(id, undefined);
    try {
      await trigger.unregister();
    } finally {
      this.#triggers.delete(id);
    }
    return true;
  }

  list(): readonly TriggerSnapshot[] {
    return this.#all().map(({ snapshot }) => snapshot);
  }

  /** Resolves when each has written down how far it got. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#all().map((trigger) => trigger.stop()));
  }

  #all(): readonly Trigger<Workflow>[] {
    return [...this.#triggers.values()].filter((trigger) => trigger !== undefined);
  }
}

function checkedTrigger<Workflow>(given: unknown): CheckedTrigger<Workflow> {
  const definition = checked('The trigger', Definition, given, 'INVALID_VALUE');
  return { allowCycles: false, maxConcurrent: 10, ...definition, workflow: definition.workflow as Workflow };
}

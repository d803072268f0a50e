/**
 * The supervision tree of a runtime: its services start in order, live as long as it does, and are started again when they crash.
 *
 *   runtime ── breakers · pool ── agent/… · executions ── swarm/… run/… step/…
 *
 * One for one, permanent, 3 restarts in 60 s. A service that crashes once more brings the runtime down: it escalates, and whoever made it hears.
 */

import { type Actor, type AnyActorLogic, type AnyActorRef, createActor } from 'xstate';
import type { Clock } from '../../actors/clock.ts';
import { indexScheduler } from '../../actors/indexed-scheduler.ts';
import type { PostOffice } from '../../actors/post-office.ts';
import type { SupervisorOutcome } from '../../machines/protocol/supervisor.ts';
import type { SupervisorMachine } from '../../machines/supervisor.machine.ts';
import type { InspectionObserver } from '../inspection.ts';
import { Controls, type SupervisionTree, type SupervisorControls, type SupervisorEvent } from './controls.ts';
import { type SupervisorDefinition, supervisorSpec } from './definition.ts';
import { supervisorLogic } from './supervisor.ts';

/** One permanent child of the runtime. */
export interface Service {
  readonly logic: AnyActorLogic;
  /** What its next life is given. @default nothing */
  readonly input?: () => unknown;
  /** Whether there is still anything for it to do; if not, it is not started again. @default always */
  readonly isWanted?: () => boolean;
  /** Hears of each of its lives as it begins, and of its end. */
  readonly changed: (ref: AnyActorRef | undefined) => void;
}

export interface TreeOptions {
  readonly clock: Clock;
  readonly post: PostOffice;
  readonly inspect?: InspectionObserver;
  readonly onFact: (fact: SupervisorEvent) => void;
  /** A service has crashed too often; everything is stopped. */
  readonly onEscalated: (outcome: SupervisorOutcome) => void;
}

export class RuntimeTree {
  readonly root: AnyActorRef;
  readonly controls: Pick<SupervisorControls, 'whichChildren' | 'countChildren'>;
  readonly pendingTimers: () => number;

  /** Its services live when it has been made. */
  constructor(services: Readonly<Record<string, Service>>, { clock, post, inspect, onFact, onEscalated }: TreeOptions) {
    const ids = Object.keys(services);
    const kinds = Object.fromEntries(Object.entries(services).map(([id, { logic, isWanted = () => true }]) => [id, { logic, isWanted }]));
    const definition: SupervisorDefinition = { name: 'runtime', kinds, children: ids.map((id) => ({ id, src: id })) };
    const tree: SupervisionTree = { clock, pending: new Map(), refs: new Map(), published: onFact, requests: 0 };
    const logic = supervisorLogic(definition, tree, {
      inputOf: (id) => services[id]?.input?.(),
      changed: (id, ref) => services[id]?.changed(ref),
    });
    const spec = supervisorSpec(definition);
    const root: Actor<SupervisorMachine> = createActor(logic, {
      id: spec.name,
      input: { spec, at: clock.now() },
      clock: clock as never,
      ...(inspect && { inspect: inspect as never }),
    });
    this.root = root;
    this.controls = new Controls(spec.name, root, definition, tree);
    this.pendingTimers = indexScheduler(root);
    root.subscribe({
      error: (error: unknown) => onEscalated({ end: 'escalated', reason: 'intensity', cause: { name: 'Error', message: String(error) } }),
      complete: () => {
        const { output } = root.getSnapshot();
        if (output?.end === 'escalated') onEscalated(output);
      },
    });
    root.start();
    // Only now do messages take their time: whoever made the runtime may use it at once.
    post.serve(root);
  }

  stop(): void {
    (this.root as Actor<SupervisorMachine>).stop();
  }
}

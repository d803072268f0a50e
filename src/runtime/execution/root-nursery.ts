/** The nursery of all root executions, as a service of the runtime. After a crash of it each of them goes on where its facts end. */

import { type AnyActorRef, type EventObject, fromCallback } from 'xstate';
import { Nursery, type NurseryServices } from '../../actors/nursery.ts';
import type { PostOffice } from '../../actors/post-office.ts';
import type { ExecutionContext } from '../../machines/protocol/execution.ts';
import type { NurseryCommand } from '../../machines/protocol/run.ts';
import type { Service } from '../supervision/runtime-tree.ts';
import type { Roots } from './roots.ts';

export interface RootNurseryOptions {
  readonly services: NurseryServices;
  readonly roots: Roots;
  readonly post: PostOffice;
  /** What the nursery reports of the roots. */
  readonly hear: (report: EventObject) => void;
  /** Hears of each root as soon as it lives. */
  readonly started: (context: ExecutionContext) => void;
}

export class RootNursery {
  readonly service: Service;
  readonly #options: RootNurseryOptions;
  #ref: AnyActorRef | undefined;
  #nursery: Nursery | undefined;

  constructor(options: RootNurseryOptions) {
    this.#options = options;
    const { services, hear } = options;
    const logic = fromCallback<NurseryCommand, undefined>(({ self, receive }) => {
      const nursery = new Nursery(self, services, hear);
      this.#nursery = nursery;
      receive((message) => nursery.hear(message));
      return () => nursery.close();
    });
    this.service = { logic, changed: (ref) => this.#changed(ref) };
  }

  /** In a later turn, if it has not ended by then. */
  start(executionId: string): void {
    const falls = this.#options.roots.falling(executionId);
    if (falls) void falls.then(() => this.#startNow(executionId));
    else this.#startNow(executionId);
  }

  #startNow(executionId: string): void {
    const { post, roots, started } = this.#options;
    post.enqueue('executions', 'child.start', () => {
      const root = roots.get(executionId);
      if (!root) return;
      this.#tell({ type: 'child.start', children: [root.spec], ack: false });
      started(root.execution.context);
    });
  }

  stop(executionId: string): void {
    this.#tell({ type: 'child.stop', id: executionId });
  }

  #changed(ref: AnyActorRef | undefined): void {
    this.#ref = ref;
    // One that has crashed does not stop its children.
    if (!ref) this.#nursery?.close();
    else for (const executionId of this.#options.roots.keys()) this.start(executionId);
  }

  /** While it is started again nothing of it lives, and all that is to live is started then. */
  #tell(command: NurseryCommand): void {
    if (this.#ref?.getSnapshot().status === 'active') this.#ref.send(command);
  }
}

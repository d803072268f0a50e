/** How a supervisor is asked, and how it answers: with OTP's answers, as results. Nothing here throws or rejects. */

import type { AnyActorRef } from 'xstate';
import type { Clock } from '../../actors/clock.ts';
import { describe } from '../../actors/failure.ts';
import type {
  ChildCounts,
  ChildSummary,
  DynamicChild,
  SupervisorCommand,
  SupervisorFact,
  SupervisorRequest,
  SupervisorResult,
} from '../../machines/protocol/supervisor.ts';
import type { SupervisorAnswer } from '../../machines/supervisor.turn.ts';
import { isId } from '../door.ts';
import { nestedOf, newChildIssues, type SupervisedChild, type SupervisorDefinition, supervisedSpec } from './definition.ts';

/** A fact of one supervisor of a tree. */
export type SupervisorEvent = SupervisorFact & { readonly supervisor: string };

/** Starts, stops and counts the children of a supervisor that runs. Requests are served one after the other. */
export interface SupervisorControls {
  readonly name: string;
  /**
   * Starts another child, after those that there are. Resolves when it has started; its id is undefined if it had nothing to do.
   * Of a dynamic supervisor the rest is the template's. Errors: ALREADY_STARTED, ALREADY_PRESENT, START_FAILED (it is forgotten),
   * INVALID_SPEC, RESOURCE_EXHAUSTED, STOPPED.
   */
  startChild(child: SupervisedChild | DynamicChild): Promise<SupervisorResult<{ readonly id: string | undefined }>>;
  /** Stops a child, or its restart; resolves when it has ended. Its specification is kept, unless it is temporary or dynamic. Errors: NOT_FOUND, STOPPED. */
  terminateChild(id: string): Promise<SupervisorResult<undefined>>;
  /** Starts a child again that does not run. Errors: NOT_FOUND, RUNNING, RESTARTING, DYNAMIC, START_FAILED, STOPPED. */
  restartChild(id: string): Promise<SupervisorResult<{ readonly id: string | undefined }>>;
  /** Forgets a child that does not run. Errors: NOT_FOUND, RUNNING, RESTARTING, DYNAMIC, STOPPED. */
  deleteChild(id: string): Promise<SupervisorResult<undefined>>;
  /** In the order of their starts. Errors: STOPPED. */
  whichChildren(): Promise<SupervisorResult<readonly ChildSummary[]>>;
  /** Errors: STOPPED. */
  countChildren(): Promise<SupervisorResult<ChildCounts>>;
  /** The actor of a child in its present life. */
  child(id: string): AnyActorRef | undefined;
  /** A child that is a supervisor itself, in its present life. */
  supervisor(id: string): SupervisorControls | undefined;
}

/** What the supervisors of one tree share. */
export interface SupervisionTree {
  readonly clock: Clock;
  /** Requests that have no answer yet. */
  readonly pending: Map<string, (answer: SupervisorAnswer['result']) => void>;
  /** The actors of each supervisor's children, by the supervisor's name. */
  readonly refs: Map<string, Map<string, AnyActorRef>>;
  readonly published: (event: SupervisorEvent) => void;
  requests: number;
}

const STOPPED = { error: { code: 'STOPPED', message: 'The supervisor has stopped' } } as const;

export class Controls implements SupervisorControls {
  readonly name: string;
  readonly #ref: AnyActorRef;
  readonly #definition: SupervisorDefinition;
  readonly #tree: SupervisionTree;

  constructor(name: string, ref: AnyActorRef, definition: SupervisorDefinition, tree: SupervisionTree) {
    this.name = name;
    this.#ref = ref;
    this.#definition = definition;
    this.#tree = tree;
  }

  async startChild(child: SupervisedChild | DynamicChild): Promise<SupervisorResult<{ readonly id: string | undefined }>> {
    const issues = newChildIssues(child, this.#definition);
    if (issues.length > 0) {
      const message = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
      return { error: { code: 'INVALID_SPEC', message, issues } };
    }
    const spec = this.#definition.template ? child : supervisedSpec(child as SupervisedChild, this.#definition);
    return this.#ask({ type: 'supervisor.start_child', spec });
  }

  async terminateChild(id: string): Promise<SupervisorResult<undefined>> {
    return this.#askOf(id, { type: 'supervisor.terminate_child', id });
  }

  async restartChild(id: string): Promise<SupervisorResult<{ readonly id: string | undefined }>> {
    return this.#askOf(id, { type: 'supervisor.restart_child', id });
  }

  async deleteChild(id: string): Promise<SupervisorResult<undefined>> {
    return this.#askOf(id, { type: 'supervisor.delete_child', id });
  }

  async whichChildren(): Promise<SupervisorResult<readonly ChildSummary[]>> {
    return this.#ask({ type: 'supervisor.which_children' });
  }

  async countChildren(): Promise<SupervisorResult<ChildCounts>> {
    return this.#ask({ type: 'supervisor.count_children' });
  }

  child(id: string): AnyActorRef | undefined {
    return this.#tree.refs.get(this.name)?.get(id);
  }

  supervisor(id: string): SupervisorControls | undefined {
    const ref = this.child(id);
    const src = (ref as { readonly src?: unknown } | undefined)?.src;
    const nested = typeof src === 'string' ? nestedOf(this.#definition.kinds[src]) : undefined;
    return ref && nested && new Controls(`${this.name}/${id}`, ref, nested, this.#tree);
  }

  /** Anything but a text would harm whoever keeps the books. */
  async #askOf<Value>(id: unknown, request: SupervisorRequest): Promise<SupervisorResult<Value>> {
    if (isId(id)) return this.#ask(request);
    return { error: { code: 'NOT_FOUND', message: `There is no child ${describe(id)}` } };
  }

  #ask<Value>(request: SupervisorRequest): Promise<SupervisorResult<Value>> {
    const { pending, clock } = this.#tree;
    return new Promise((resolve) => {
      if (this.#ref.getSnapshot().status !== 'active') {
        resolve(STOPPED);
        return;
      }
      const requestId = `${this.name}#${++this.#tree.requests}`;
      pending.set(requestId, (result) => resolve(result as SupervisorResult<Value>));
      this.#ref.send({ ...request, requestId, at: clock.now() } satisfies SupervisorCommand);
    });
  }
}

/** Whoever waits for a supervisor that is no more, and for those below it, waits in vain no longer. */
export function answerStopped({ pending }: SupervisionTree, name: string): void {
  for (const [requestId, resolve] of pending) {
    if (!requestId.startsWith(`${name}#`) && !requestId.startsWith(`${name}/`)) continue;
    pending.delete(requestId);
    resolve(STOPPED);
  }
}

/** Supervision for one's own actors: a tree of supervisors over any logic of XState, without a runtime. */

import { type AnyActorRef, createActor } from 'xstate';
import type { Clock } from '../../actors/clock.ts';
import { indexScheduler } from '../../actors/indexed-scheduler.ts';
import { type ChildKind, supervisedChildrenActor } from '../../actors/supervised-children.ts';
import type { SupervisorOutcome, SupervisorResult } from '../../machines/protocol/supervisor.ts';
import { type SupervisorInput, type SupervisorMachine, supervisorMachine } from '../../machines/supervisor.machine.ts';
import type { InspectionObserver } from '../inspection.ts';
import { systemClock } from '../system-clock.ts';
import { answerStopped, Controls, type SupervisionTree, type SupervisorControls, type SupervisorEvent } from './controls.ts';
import { definitionIssues, failureOfSupervisor, kindOf, nestedOf, type SupervisorDefinition, supervisorSpec } from './definition.ts';

export interface SupervisionOptions {
  readonly clock?: Clock;
  /** Hears every fact of every supervisor of the tree. If it throws, nothing comes of it but a warning of the process, once. */
  readonly onFact?: (fact: SupervisorEvent) => void;
  /** Hears XState's inspection events of every actor. */
  readonly inspect?: InspectionObserver;
}

export interface Supervisor extends SupervisorControls, AsyncDisposable {
  /** Stops all children, the youngest first, then the supervisor. Resolves when it has ended, however. */
  stop(): Promise<SupervisorOutcome>;
  /** How it has ended: `escalated` when its children failed more often than its intensity allows. Never rejects. */
  readonly ended: Promise<SupervisorOutcome>;
}

/**
 * Starts a supervisor and its children in order; resolves when the last of them has started. Never rejects.
 * When one fails to start, those before it are stopped in reverse order. Errors: INVALID_SPEC with all `issues`, START_FAILED with its cause.
 */
export async function startSupervisor(
  definition: SupervisorDefinition,
  { clock = systemClock(), onFact, inspect }: SupervisionOptions = {},
): Promise<SupervisorResult<Supervisor>> {
  const issues = definitionIssues(definition);
  if (issues.length > 0) {
    const message = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return { error: { code: 'INVALID_SPEC', message, issues } };
  }
  const tree: SupervisionTree = { clock, pending: new Map(), refs: new Map(), published: listening(onFact), requests: 0 };
  const spec = supervisorSpec(definition);
  const input: SupervisorInput = { spec, at: clock.now() };
  const root = createActor(supervisorLogic(definition, tree), {
    id: spec.name,
    input,
    clock: clock as never,
    ...(inspect && { inspect: inspect as never }),
  });
  indexScheduler(root);
  const supervisor = new RootSupervisor(spec.name, root, definition, tree);
  root.start();
  return supervisor.started;
}

class RootSupervisor extends Controls implements Supervisor {
  readonly ended: Promise<SupervisorOutcome>;
  readonly started: Promise<SupervisorResult<Supervisor>>;
  readonly #root: AnyActorRef;
  readonly #clock: Clock;

  constructor(name: string, root: AnyActorRef, definition: SupervisorDefinition, tree: SupervisionTree) {
    super(name, root, definition, tree);
    this.#root = root;
    this.#clock = tree.clock;
    const started = Promise.withResolvers<SupervisorResult<Supervisor>>();
    const ended = Promise.withResolvers<SupervisorOutcome>();
    this.started = started.promise;
    this.ended = ended.promise;
    const finish = () => {
      const outcome: SupervisorOutcome = root.getSnapshot().output ?? { end: 'stopped', reason: 'asked' };
      answerStopped(tree, name);
      ended.resolve(outcome);
      const { childId, cause } = outcome;
      const message = `The child "${childId ?? '?'}" failed to start`;
      started.resolve({
        error: { code: outcome.reason === 'start-failed' ? 'START_FAILED' : 'STOPPED', message, ...(cause && { cause }) },
      });
    };
    const next = (snapshot: unknown) => {
      if (hasStarted(snapshot)) started.resolve({ ok: this });
    };
    root.subscribe({ next, complete: finish, error: finish });
  }

  async stop(): Promise<SupervisorOutcome> {
    if (this.#root.getSnapshot().status === 'active') this.#root.send({ type: 'supervisor.stop', at: this.#clock.now() });
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const hasStarted = (snapshot: unknown): boolean => {
  const { phase } = (snapshot as ReturnType<typeof supervisorMachine.getInitialSnapshot>).context.state;
  return phase.startsWith('supervising') || phase.startsWith('restarting');
};

/** What whoever made a supervisor has to do with its children, beside what their definition says. */
export interface SupervisorHooks {
  /** The input of a child's next life. @default that of its specification */
  readonly inputOf?: (id: string) => unknown;
  readonly changed?: (id: string, ref: AnyActorRef | undefined) => void;
}

/** The chart of a supervisor with its ports filled. */
export function supervisorLogic(definition: SupervisorDefinition, tree: SupervisionTree, hooks: SupervisorHooks = {}): SupervisorMachine {
  const { clock } = tree;
  const kinds = new Map<string, ChildKind>();
  for (const [src, kind] of Object.entries(definition.kinds)) {
    const nested = nestedOf(kind);
    kinds.set(src, nested ? supervisorKind(nested, tree) : kindOf(kind));
  }
  const children = supervisedChildrenActor((name) => {
    const refs = new Map<string, AnyActorRef>();
    tree.refs.set(name, refs);
    return {
      clock,
      kinds,
      inputOf: (src, id, input) => {
        const nested = nestedOf(definition.kinds[src]);
        if (nested) return { spec: supervisorSpec(nested, `${name}/${id}`), at: clock.now() };
        return hooks.inputOf ? hooks.inputOf(id) : input;
      },
      changed: (id, ref) => {
        hooks.changed?.(id, ref);
        if (ref) {
          refs.set(id, ref);
          return;
        }
        refs.delete(id);
        const below = `${name}/${id}`;
        if (!tree.refs.has(below)) return;
        tree.refs.delete(below);
        answerStopped(tree, below);
      },
    };
  });
  return supervisorMachine.provide({
    actors: { children },
    actions: {
      commit: (_, { supervisor, facts }) => {
        for (const fact of facts) tree.published({ ...fact, supervisor });
      },
      answer: (_, { requestId, result }) => {
        const resolve = tree.pending.get(requestId);
        tree.pending.delete(requestId);
        resolve?.(result);
      },
    },
  });
}

const supervisorKind = (definition: SupervisorDefinition, tree: SupervisionTree): ChildKind => ({
  logic: supervisorLogic(definition, tree),
  isStarted: hasStarted,
  stopEvent: { type: 'supervisor.stop' },
  failureOf: failureOfSupervisor,
});

function listening(onFact: SupervisionOptions['onFact']): (event: SupervisorEvent) => void {
  let hasWarned = false;
  return (event) => {
    try {
      onFact?.(event);
    } catch {
      if (!hasWarned) process.emitWarning('A listener to a supervisor failed; it missed a fact', 'SwarmchartWarning');
      hasWarned = true;
    }
  };
}

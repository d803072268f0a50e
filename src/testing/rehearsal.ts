/** One path, driven with a live actor on a virtual clock, and what went otherwise than the chart says. */

import { type Actor, type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, createActor, type InspectionEvent } from 'xstate';
import type { CoverageRecorder } from './coverage.ts';
import { type ChartStep, childrenOf, type explorable, type Place, textOf } from './exploration.ts';
import { ending, isStandIn } from './stand-ins.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What is wrong with a chart, and the shortest path that shows it. */
export interface ChartProblem {
  readonly message: string;
  /** What happened up to there, for people. */
  readonly path: readonly string[];
}

export interface Rehearsed {
  readonly machine: AnyStateMachine;
  readonly logic: ReturnType<typeof explorable>;
  readonly recorder: CoverageRecorder;
  /** By name: what must be true in every snapshot. */
  readonly invariants: Readonly<Record<string, (snapshot: AnyMachineSnapshot) => boolean>>;
  readonly mayEscalate: (child: AnyActorRef) => boolean;
}

/** Ends at the first problem. */
export function rehearse(subject: Rehearsed, input: unknown, steps: readonly ChartStep[]): ChartProblem | undefined {
  const live = new LiveActor(subject, input);
  const happened: string[] = [];
  let expected = subject.logic.getInitialSnapshot(NO_SCOPE, input);
  try {
    let message = problemAt(subject, live, expected, undefined);
    for (const step of steps) {
      if (message !== undefined) break;
      happened.push(step.type);
      expected = subject.logic.transition(expected, step, NO_SCOPE);
      live.hear(step);
      message = problemAt(subject, live, expected, step);
    }
    message ??= live.stop();
    return message === undefined ? undefined : { message, path: happened };
  } finally {
    live.stop();
  }
}

function problemAt(
  { invariants, mayEscalate }: Rehearsed,
  live: LiveActor,
  expected: Place,
  step: ChartStep | undefined,
): string | undefined {
  const { snapshot } = live;
  if (expected.status === 'error') {
    if (step?.kind === 'child' && step.how !== 'settles' && expected.error === step.value)
      return mayEscalate(step.child)
        ? undefined
        : `${step.type}: nobody handles it in ${where(expected.chart)}, and it ends the whole chart`;
    return `${step?.type ?? 'start'}: throws: ${said(expected.error)}`;
  }
  if (snapshot.status === 'error') return `${step?.type ?? 'start'}: throws: ${said(snapshot.error)}`;
  if (live.missed !== undefined) return live.missed;
  if (snapshot.status !== expected.status || where(snapshot) !== where(expected.chart))
    return `the live actor is in ${where(snapshot)} (${snapshot.status}), by its chart it is in ${where(expected.chart)} (${expected.status})`;
  for (const [name, holds] of Object.entries(invariants)) {
    try {
      if (!holds(snapshot)) return `${name}: does not hold in ${where(snapshot)}`;
    } catch (error) {
      return `${name}: ${said(error)}`;
    }
  }
  return undefined;
}

const where = ({ value }: AnyMachineSnapshot): string => (typeof value === 'string' ? `"${value}"` : textOf(value));
const said = (error: unknown): string => (error instanceof Error ? error.message : textOf(error));

type ExploredScope = Parameters<ReturnType<typeof explorable>['transition']>[2];
/** `explorable` asks nothing of it. */
const NO_SCOPE = undefined as unknown as ExploredScope;

class LiveActor {
  readonly #clock = new VirtualClock();
  readonly #actor: Actor<AnyStateMachine>;
  readonly #heard: string[] = [];
  /** What could not be done to it. */
  missed: string | undefined;

  constructor({ machine, recorder }: Rehearsed, input: unknown) {
    let root: InspectionEvent['actorRef'] | undefined;
    const inspect = (event: InspectionEvent) => {
      root ??= event.actorRef;
      if (event.actorRef !== root) return;
      if (event.type === '@xstate.event') this.#heard.push(event.event.type);
      recorder.inspect(event);
    };
    this.#actor = createActor(machine, { input: input as never, clock: this.#clock as never, inspect });
    this.#actor.subscribe({ error: () => undefined });
    this.#actor.start();
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#actor.getSnapshot();
  }

  hear(step: ChartStep): void {
    if (step.kind === 'event') this.#actor.send(step.event as never);
    else if (step.kind === 'time') this.#wait(step.event.type, step.afterMs);
    else this.#end(step);
  }

  /** Several timers may be due at once; the ones behind the awaited one are steps of their own. */
  #wait(type: string, afterMs: number): void {
    const end = this.#clock.now() + afterMs;
    const before = this.#heard.length;
    while (!this.#heard.includes(type, before)) {
      if ((this.#clock.nextDueAt ?? Number.POSITIVE_INFINITY) > end) {
        this.missed = `no timer sends ${type} after ${afterMs} ms`;
        return;
      }
      this.#clock.fireNext();
    }
  }

  #end({ index, how, value, type }: ChartStep & { readonly kind: 'child' }): void {
    const child = childrenOf(this.snapshot)[index] as (AnyActorRef & { readonly logic?: unknown }) | undefined;
    if (child && isStandIn(child.logic)) child.send(ending(how, value));
    else this.missed = `${type}: cannot happen: name its logic in setup({ actors }), or say that it is real`;
  }

  /** What it left behind. */
  stop(): string | undefined {
    this.#actor.stop();
    return this.#clock.pending === 0 ? undefined : `${this.#clock.pending} timers are set after the end`;
  }
}

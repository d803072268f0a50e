/**
 * Facts: what happened, in the past tense, with slashes. They are the journal, the events that subscribers match,
 * the audit trail and the replay. Commands and replies between actors have dots and are never persisted.
 *
 * A chart builds a fact's body; the stream's writer adds the rest of the envelope.
 */

import type { ExecutionContext, Tier } from './execution.ts';

export const FACT_VERSION = 1;

/** What a chart says happened: folded at once, enveloped and committed by the stream's writer. */
export interface FactBody<Type extends string = string, Payload = unknown> {
  readonly type: Type;
  /** Milliseconds since the epoch, by the runtime's clock. */
  readonly at: number;
  readonly payload: Payload;
}

/** A fact as it is persisted and published. `seq` counts from 1 within its stream without a gap. */
export interface Fact<Body extends FactBody = FactBody> {
  readonly id: string;
  readonly seq: number;
  /** Execution id of the root execution to which it belongs; a stream has one writer. */
  readonly stream: string;
  readonly type: Body['type'];
  readonly at: number;
  readonly executionId: string;
  readonly parentExecutionId?: string;
  readonly swarmId: string;
  readonly correlationId: string;
  readonly tier: Tier;
  readonly payload: Body['payload'];
  /** Of an event from outside: whose it is, if that was said. */
  readonly userId?: string;
  /** Of an event from outside: the id of the fact that it follows from, if that was said. */
  readonly parentEventId?: string;
  readonly v: number;
}

/** Folds facts of one execution into its state. Total: a fact that it does not know leaves the state unchanged. */
export type Evolve<State, Body extends FactBody> = (state: State, fact: Body) => State;

/** Puts a body into its envelope. The id is the stream's name and the number in it, so that a replay makes the same ones. */
export function envelope(body: FactBody, seq: number, stream: string, tier: Tier, execution: ExecutionContext): Fact {
  const { executionId, parentExecutionId, swarmId, correlationId } = execution;
  const { type, at, payload } = body;
  const id = `${stream}#${seq}`;
  const fact = { id, seq, stream, type, at, executionId, swarmId, correlationId, tier, payload, v: FACT_VERSION };
  return parentExecutionId === undefined ? fact : { ...fact, parentExecutionId };
}

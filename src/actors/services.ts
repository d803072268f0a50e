/** What actors need from the runtime around them. The runtime implements these; actors never import it. */

import type { CommitParams } from '../machines/effects.ts';
import type { AgentSpec, LeaseOutcome } from '../machines/protocol/agent.ts';
import type { BreakerKey, BreakerOptions } from '../machines/protocol/breaker.ts';
import type { ErrorClass } from '../machines/protocol/errors.ts';
import type { ExecutionContext, Json } from '../machines/protocol/execution.ts';
import type { Condition, StepLease } from '../machines/protocol/plan.ts';
import type { ConditionScope } from '../machines/protocol/step.ts';
import type { Blackboard } from './blackboard.ts';
import type { Clock } from './clock.ts';
import type { FaultHooks } from './faults.ts';
import type { AnyTool, Logger } from './tool.ts';

/** Records facts, and is the gate before every effect. */
export interface FactStreams {
  record(params: CommitParams): void;
  /** Resolves when every fact recorded so far in the execution's stream is committed; undefined when they already are. Rejects when the stream has failed. */
  committed(execution: ExecutionContext): Promise<void> | undefined;
  /** False once a fact says that the execution, or what it belongs to, is on its way out: no effect may begin any more. */
  mayAct(execution: ExecutionContext): boolean;
  /** An effect of it is under way from now until what this returns is called. */
  begin(execution: ExecutionContext): () => void;
}

/** A breaker on a call's way, with the figures that what it guards has of its own. */
export interface Guard extends BreakerKey {
  readonly options?: Partial<BreakerOptions>;
}

/** Permission for one call through circuit breakers. Exactly one of its methods ends it; ending it twice does nothing. */
export interface Permit {
  succeeded(): void;
  failed(): void;
  released(): void;
}

export interface Breakers {
  /** Permission to pass all of them, or the first that is open: then the call must not be made. */
  enter(guards: readonly Guard[]): { readonly permit: Permit } | { readonly openAt: BreakerKey };
}

/** Things that went by unnoticed, counted so that nothing is swallowed. */
export interface Counters {
  /** Replies of an earlier attempt or incarnation. */
  stale: number;
  /** Messages to actors that no longer live. */
  deadLetters: number;
  /** Work that ignored its abort signal and was left behind. */
  abandoned: number;
  /** Results of abandoned work that came after all. */
  lateResults: number;
}

/** How a step's strategy reaches its result. */
export interface StrategyCall {
  readonly tool: AnyTool;
  /** Secrets in them are names: only the tool gets the values. */
  readonly parameters: Readonly<Record<string, Json>>;
  /** Checks the parameters and runs the tool. */
  readonly callTool: () => Promise<unknown>;
  readonly signal: AbortSignal;
  readonly execution: ExecutionContext;
  readonly stepId: string;
}
export type Strategy = (call: StrategyCall) => Promise<unknown>;

export interface ModuleOperations {
  readonly [operation: string]: (parameters: Readonly<Record<string, Json>>, context: import('./tool.ts').ToolContext) => unknown;
}

/** An agent that does a step's work, for as long as the work lasts. */
export interface HeldAgent {
  readonly spec: AgentSpec;
  /** Aborted when the agent is lost. */
  readonly signal: AbortSignal;
  /** Without an outcome it says nothing about the agent. */
  release(outcome?: LeaseOutcome): void;
}

export interface AgentServices {
  /** The agent that does what the execution belongs to: the one its task was leased. */
  actingFor(execution: ExecutionContext): AgentSpec | undefined;
  /** Waits for a capable agent with room. Rejects with NO_CAPABLE_AGENT, or when the signal is aborted. */
  hold(lease: StepLease, execution: ExecutionContext, signal: AbortSignal): Promise<HeldAgent>;
}

/** Tells who holds the event loop, should anybody. */
export interface LoopWatch {
  /** Runs work, which has its name until it has settled. */
  around<Result>(work: NamedWork, begin: () => Result | Promise<Result>): Promise<Result>;
}

/** A piece of work by its name, such as `Tool "search"`, and where it stands. */
export interface NamedWork {
  readonly name: string;
  readonly stepId: string;
  readonly executionId: string;
}

/** Secrets by name, and what keeps their values out of whatever is kept or shown. */
export interface Secrets {
  /** Rejects with SECRET_NOT_FOUND, with INVALID_VALUE for a value that cannot be kept secret, or with what became of asking for it. */
  get(name: string, signal: AbortSignal): Promise<string>;
  /** Somebody uses a value that was got: it stays known as a secret until what this returns is called, once. */
  hold(name: string, value: string): () => void;
  /** Of JSON: itself, or a copy with `[secret:NAME]` where there was a value, in keys as well. */
  scrub<T>(value: T): T;
  /** The same of anything at all, such as an error with its causes and its stack. */
  scrubAny<T>(value: T): T;
}

export interface WorkServices {
  readonly clock: Clock;
  readonly streams: FactStreams;
  readonly breakers: Breakers;
  readonly agents: AgentServices;
  readonly faults: FaultHooks;
  readonly secrets: Secrets;
  readonly watch?: LoopWatch;
  readonly counters: Counters;
  readonly tools: { get(name: string): AnyTool | undefined };
  readonly modules: ReadonlyMap<string, ModuleOperations>;
  readonly strategies: ReadonlyMap<string, Strategy>;
  /** The board of the execution's swarm, for that execution to write until the signal is aborted. */
  readonly blackboard: (execution: ExecutionContext, signal: AbortSignal) => Blackboard;
  readonly evaluate: (condition: Condition, scope: ConditionScope, signal: AbortSignal) => boolean | Promise<boolean>;
  readonly classify: (error: unknown) => ErrorClass | undefined;
  readonly maxOutputBytes: number;
  readonly log: Logger;
}

/** What a runtime can be given, and what it has when it is given nothing. */

import type { Clock } from '../actors/clock.ts';
import type { FaultHooks } from '../actors/faults.ts';
import type { Carrier } from '../actors/post-office.ts';
import type { ModuleOperations, Strategy } from '../actors/services.ts';
import type { AnyTool, Logger } from '../actors/tool.ts';
import type { ErrorClass } from '../machines/protocol/errors.ts';
import type { ConditionScope } from '../machines/protocol/step.ts';
import type { AgentDefinition } from './agents/definition.ts';
import type { BreakersOptions } from './breakers/options.ts';
import type { ErrorLogOptions } from './errors/error-log.ts';
import type { InspectionObserver } from './inspection.ts';
import type { Journal } from './journal/journal.ts';
import type { EscalationDefinition, RecoveryStrategies } from './recovery.ts';
import type { SecretsOption } from './secrets/secrets.ts';
import type { KnowledgeBase } from './swarm/knowledge.ts';
import type { Planner } from './swarm/planner.ts';
import type { Synthesize } from './swarm/synthesis.ts';
import type { WatchdogOptions } from './watchdog/watchdog.ts';

export interface RuntimeOptions {
  readonly tools?: readonly AnyTool[];
  /** Modules by name, each with its operations, for `module-operation` steps. */
  readonly modules?: Readonly<Record<string, ModuleOperations>>;
  /** Strategies by name, beside `deterministic`. `conversational` and `reasoning` refuse until they are given here. */
  readonly strategies?: Readonly<Record<string, Strategy>>;
  /** Predicates by name, for `custom` conditions. */
  readonly conditions?: Readonly<Record<string, (scope: ConditionScope) => boolean | Promise<boolean>>>;
  /**
   * Secrets by name, for parameters (`{{secrets.NAME}}`) and for tools (`context.secret('NAME')`): each a text, or a function that is asked for
   * every attempt; or one function for all names. Facts, logs and errors show `[secret:NAME]` for their values.
   */
  readonly secrets?: SecretsOption;
  /** Agents that every swarm may use; more can be registered at any time. */
  readonly agents?: readonly AgentDefinition[];
  /** Decomposes goals for swarms, before their playbooks are asked. */
  readonly planner?: Planner;
  /** What earlier swarms have taught. @default in memory */
  readonly knowledge?: KnowledgeBase;
  /** Makes a swarm's result of its tasks' results. @default `{goal, summary, tasks}` */
  readonly synthesize?: Synthesize;
  /** Where tests and demonstrations make things go wrong. */
  readonly faults?: FaultHooks;
  /** What is done about errors by their class, where steps and tasks say nothing. */
  readonly recovery?: RecoveryStrategies;
  /** What becomes of tasks that no agent could do, in swarms that do not say. @default they have failed */
  readonly escalation?: EscalationDefinition;
  /** Classes an error that a tool threw; undefined leaves it as it is. */
  readonly classify?: (error: unknown) => ErrorClass | undefined;
  /** Figures of the circuit breakers by scope, or false for none. @default 5 failures in a row, 30 s, 2 probes that succeed */
  readonly breakers?: BreakersOptions;
  /** Where facts are kept. It is this runtime's alone until that is stopped. @default in memory */
  readonly journal?: Journal;
  /** Whether executions that the journal has, and that have not ended, go on when the runtime is created. @default true */
  readonly recover?: boolean;
  readonly clock?: Clock;
  /** Makes execution ids. @default nanoid */
  readonly createId?: () => string;
  /** pino fits. @default silent */
  readonly logger?: Logger;
  /** Hears XState's inspection events of every actor. May throw or reject; nothing comes of it but a warning in the log. */
  readonly inspect?: InspectionObserver;
  /** What a step may return at most, in bytes of its JSON text. @default 8 MiB */
  readonly maxOutputBytes?: number;
  /** Commands that may wait for one actor, or for what they made to be committed; more are refused. @default 1_000 */
  readonly mailboxLimit?: number;
  readonly errors?: ErrorLogOptions;
  /**
   * Tells on stderr, from a thread of its own, when the event loop is held and by which step, and in the log once it turns again.
   * @default false
   */
  readonly watchdog?: WatchdogOptions | false;
  /** Decides when messages are delivered; for simulations. */
  readonly carrier?: Carrier;
}

export const DEFAULT_MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
export const DEFAULT_MAILBOX_LIMIT = 1_000;

/** What the facts of an execution say about its tasks and steps: a line of news for each fact worth one, and where each of them stands. */

import type { PoolFact } from '../../machines/protocol/agent.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RunFact } from '../../machines/protocol/run.ts';
import type { StepFact } from '../../machines/protocol/step.ts';
import type { SwarmFact } from '../../machines/protocol/swarm.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';
import { oneLine, printDuration } from '../outcome.ts';
import { agentName, labelOf, pathOf, reasonOf, runOf } from './names.ts';

export type State = 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled' | 'waiting';

/** A task of a swarm, or a step of one run. */
export interface Row {
  /** The same id may occur in several runs: with the run's own id it is unique. */
  readonly key: string;
  readonly id: string;
  readonly label: string;
  /** Execution id of its run; of a task, its swarm's. */
  readonly runId: string;
  readonly state: State;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: ExecutionError;
  readonly waitsFor?: ResolvedWait;
}

export interface News {
  readonly kind:
    | Exclude<State, 'running'>
    | 'planned'
    | 'started'
    | 'retrying'
    | 'falling back'
    | 'lost'
    | 'continued'
    | 'reassigned'
    | 'crashed'
    | 'restarted';
  readonly key: string;
  readonly label: string;
  /** What there is to say beside that. */
  readonly detail: string;
}

/** An obligation that was not met in time, and about which nobody has decided. */
export interface Unmet {
  readonly normId: string;
  readonly role: string;
  readonly mission: string;
  readonly open: readonly string[];
}

type AnyFact = RunFact | StepFact | SwarmFact | PoolFact;
type Of<Type extends AnyFact['type']> = Extract<AnyFact, { type: Type }>['payload'];

const ENDED: ReadonlySet<State> = new Set(['completed', 'failed', 'skipped', 'cancelled']);
const TROUBLES = ['failed', 'skipped', 'cancelled', 'waiting'] as const;

export class Board {
  readonly #noun: 'step' | 'task';
  /** Steps of the workflow; tasks of the swarm once it has a plan. */
  #total: number;
  /** Steps and tasks that are known of, at any depth. */
  #known: number;
  readonly #rows = new Map<string, Row>();
  readonly #unmet = new Map<string, Unmet>();
  readonly #counts = { running: 0, completed: 0, failed: 0, skipped: 0, cancelled: 0, waiting: 0 };
  /** What failed first in each run in such a way that the run fails. */
  readonly #fatal = new Map<string, Row>();
  #root = '';
  #timers = 0;
  #firstAt: number | undefined;
  #lastAt = 0;

  /** Without a size it is a swarm's, which has not been planned yet. */
  constructor(size?: number) {
    this.#noun = size === undefined ? 'task' : 'step';
    this.#total = size ?? 0;
    this.#known = this.#total;
  }

  get total(): number {
    return this.#total;
  }

  get known(): number {
    return this.#known;
  }

  /** Of the workflow's steps, or the swarm's tasks. */
  get ended(): number {
    return [...ENDED].reduce((sum, state) => sum + this.#counts[state], 0);
  }

  /** Waits that end by themselves. */
  get timers(): number {
    return this.#timers;
  }

  get root(): string {
    return this.#root;
  }

  /** The failure that fails the whole. */
  get fatal(): Row | undefined {
    return this.#fatal.get(this.#root);
  }

  /** The step with which that began, which may be deep within. */
  get culprit(): Row | undefined {
    const below = [...this.#fatal.values()].filter(({ runId }) => this.fatal && runId.startsWith(`${this.#root}/${this.fatal.id}/`));
    return below[0] ?? this.fatal;
  }

  /** Between the first and the last fact so far, in milliseconds. */
  get elapsed(): number {
    return this.#lastAt - (this.#firstAt ?? this.#lastAt);
  }

  get unmet(): readonly Unmet[] {
    return [...this.#unmet.values()];
  }

  /** In the order in which they began. */
  rows(state?: State): readonly Row[] {
    const rows = [...this.#rows.values()];
    return state === undefined ? rows : rows.filter((row) => row.state === state);
  }

  /** `12 of 40 steps`, with what did not go well. */
  summary(): string {
    if (this.#noun === 'task' && this.#total === 0) return 'planning';
    const counts = TROUBLES.flatMap((state) => (this.#counts[state] === 0 ? [] : [`${this.#counts[state]} ${state}`]));
    return [`${this.ended} of ${this.#total} ${this.#noun}${this.#total === 1 ? '' : 's'}`, ...counts].join(', ');
  }

  hear(fact: Fact): News | undefined {
    this.#firstAt ??= fact.at;
    this.#lastAt = Math.max(this.#lastAt, fact.at);
    if (fact.type.startsWith('agent/')) return this.#agent(fact as unknown as PoolFact);
    this.#root = fact.stream;
    return fact.tier === 'tier1' ? this.#swarm(fact as Fact & SwarmFact) : this.#run(fact as Fact & (RunFact | StepFact));
  }

  #agent({ type, payload }: PoolFact): News | undefined {
    if (!('agentId' in payload)) return undefined;
    const label = agentName(payload.agentId, this.#root);
    const key = `agent/${payload.agentId}`;
    switch (type) {
      case 'agent/crashed':
        return { kind: 'crashed', key, label, detail: reasonOf(payload.error, this.#root) };
      case 'agent/lost':
        return { kind: 'lost', key, label, detail: reasonOf(payload.error, this.#root) };
      case 'agent/restarted':
        return { kind: 'restarted', key, label, detail: `life ${payload.incarnation}` };
      case 'agent/escalated':
        return { kind: 'failed', key, label, detail: `is given up: ${reasonOf(payload.error, this.#root)}` };
      default:
        return undefined;
    }
  }

  #swarm(fact: Fact & SwarmFact): News | undefined {
    const { type, at, payload, executionId } = fact;
    switch (type) {
      case 'tier1/swarm/decomposed': {
        const { tasks, source } = payload.plan;
        this.#total = tasks.length;
        this.#known += tasks.reduce((sum, { plan }) => sum + 1 + plan.steps.length, 0);
        return { kind: 'planned', key: executionId, label: count(tasks.length, 'task'), detail: `by ${source}` };
      }
      case 'tier1/task/started':
        return this.#start(fact, payload.taskId, at, `by ${payload.agentId}`);
      case 'tier1/task/continued':
        return { kind: 'continued', ...this.#names(fact, payload.taskId), detail: `by ${payload.agentId}` };
      case 'tier1/lease/lost':
        return { kind: 'lost', ...this.#names(fact, payload.taskId), detail: reasonOf(payload.error, this.#root) };
      case 'tier1/task/reassigned': {
        const detail = `${payload.agentId} failed: ${oneLine(payload.error.message)}`;
        return { kind: 'reassigned', ...this.#names(fact, payload.taskId), detail };
      }
      case 'tier1/task/completed':
        return this.#end(fact, payload.taskId, 'completed', '');
      case 'tier1/task/failed':
        return this.#fail(fact, payload.taskId, payload);
      case 'tier1/task/cancelled':
        return this.#end(fact, payload.taskId, 'cancelled', oneLine(payload.reason));
      case 'tier1/obligation/unmet': {
        const { normId, role, mission, open } = payload;
        this.#unmet.set(normId, { normId, role, mission, open });
        return { kind: 'waiting', key: `norm/${normId}`, label: normId, detail: `"${role}" has not done "${mission}" in time` };
      }
      case 'tier1/obligation/decided':
        this.#unmet.delete(payload.normId);
        return undefined;
      default:
        return undefined;
    }
  }

  #run(fact: Fact & (RunFact | StepFact)): News | undefined {
    const { type, at, payload } = fact;
    switch (type) {
      case 'tier2/routine/started':
        // A task's steps are known from the plan, and those of the workflow itself from the start.
        if (pathOf(fact.executionId, this.#root).length > (this.#noun === 'task' ? 1 : 0)) this.#known += payload.stepCount;
        return undefined;
      case 'tier2/step/started': {
        const { stepId, iteration, waitsFor } = payload;
        if (waitsFor) return this.#wait(fact, stepId, waitsFor);
        const news = this.#start(fact, stepId, at, '');
        return iteration > 1 || this.#isTask(fact, stepId) ? undefined : news;
      }
      case 'tier3/attempt/failed':
        return { kind: 'retrying', ...this.#names(fact, payload.stepId), detail: describeRetry(payload) };
      case 'tier2/step/fell_back': {
        const detail = `${payload.action} after ${oneLine(payload.error.message)}`;
        return { kind: 'falling back', ...this.#names(fact, payload.stepId), detail };
      }
      case 'tier2/step/escalated':
        return this.#end(fact, payload.stepId, 'waiting', `for a person, after ${oneLine(payload.error.message)}`, payload.error);
      case 'tier2/step/completed':
        return this.#end(fact, payload.stepId, 'completed', '');
      case 'tier2/step/failed':
        return this.#fail(fact, payload.stepId, payload);
      case 'tier2/step/skipped':
        return this.#end(fact, payload.stepId, 'skipped', payload.reason);
      case 'tier2/step/cancelled':
        return this.#end(fact, payload.stepId, 'cancelled', oneLine(payload.reason));
      default:
        return undefined;
    }
  }

  /** A task that is one step of the same name: the step has no news of its own but its troubles. */
  #isTask(fact: Fact, id: string): boolean {
    const path = pathOf(runOf(fact), this.#root);
    return fact.tier !== 'tier1' && this.#noun === 'task' && path.length === 1 && path[0] === id;
  }

  #names(fact: Fact, id: string): { readonly key: string; readonly label: string } {
    const runId = runOf(fact);
    const label = labelOf([...pathOf(runId, this.#root), id]);
    return { key: this.#isTask(fact, id) ? `${this.#root}/${id}` : `${runId}/${id}`, label };
  }

  #start(fact: Fact, id: string, at: number, detail: string): News {
    const runId = runOf(fact);
    const key = `${runId}/${id}`;
    const names = this.#names(fact, id);
    this.#enter({ key, id, label: names.label, runId, state: 'running', startedAt: this.#rows.get(key)?.startedAt ?? at });
    return { kind: 'started', ...names, detail };
  }

  #wait(fact: Fact, id: string, waitsFor: ResolvedWait): News {
    const runId = runOf(fact);
    const names = this.#names(fact, id);
    this.#enter({ key: `${runId}/${id}`, id, label: names.label, runId, state: 'waiting', startedAt: fact.at, waitsFor });
    return { kind: 'waiting', ...names, detail: describeWait(waitsFor, fact.at) };
  }

  #fail(fact: Fact, id: string, { error, fatal }: Pick<Of<'tier2/step/failed'>, 'error' | 'fatal'>): News | undefined {
    const news = this.#end(fact, id, 'failed', oneLine(error.message), error);
    const runId = runOf(fact);
    const row = this.#rows.get(`${runId}/${id}`);
    if (fatal && row && !this.#fatal.has(runId)) this.#fatal.set(runId, row);
    return news;
  }

  #end(fact: Fact, id: string, state: Exclude<State, 'running'>, detail: string, error?: ExecutionError): News | undefined {
    const runId = runOf(fact);
    const key = `${runId}/${id}`;
    const before = this.#rows.get(key);
    const names = this.#names(fact, id);
    const { label } = names;
    this.#enter({ key, id, label, runId, state, startedAt: before?.startedAt ?? fact.at, endedAt: fact.at, ...(error && { error }) });
    if (this.#isTask(fact, id) && state !== 'waiting') return undefined;
    const took = before === undefined || state === 'waiting' ? '' : printDuration(fact.at - before.startedAt);
    return { kind: state, ...names, detail: [took, detail].filter(Boolean).join('  ') };
  }

  #enter(row: Row): void {
    const before = this.#rows.get(row.key);
    if (row.runId === this.#root) {
      if (before) this.#counts[before.state] -= 1;
      this.#counts[row.state] += 1;
    }
    this.#timers += Number(isTimer(row)) - Number(before !== undefined && isTimer(before));
    this.#rows.set(row.key, row);
  }
}

const isTimer = ({ state, waitsFor }: Row): boolean => state === 'waiting' && (waitsFor?.type === 'timer' || waitsFor?.type === 'time');

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

const describeRetry = ({ attempt, error, backoffMs }: Of<'tier3/attempt/failed'>): string =>
  `attempt ${attempt} failed: ${oneLine(error.message)}; again in ${printDuration(backoffMs)}`;

function describeWait(wait: ResolvedWait, at: number): string {
  switch (wait.type) {
    case 'timer':
      return `for ${printDuration(wait.durationMs)}`;
    case 'time':
      return `for ${printDuration(Math.max(0, wait.at - at))}`;
    case 'signal':
      return `for the signal "${oneLine(wait.name)}"`;
    case 'approval':
      return `for a person${wait.prompt === undefined ? '' : `: ${oneLine(wait.prompt)}`}`;
  }
}

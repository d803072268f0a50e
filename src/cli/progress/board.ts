/** What the facts of an execution say about its tasks and steps: a line of news for each fact worth one, and where each of them stands. */

import type { PoolFact } from '../../machines/protocol/agent.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RunFact } from '../../machines/protocol/run.ts';
import type { StepFact } from '../../machines/protocol/step.ts';
import type { SwarmFact } from '../../machines/protocol/swarm.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';
import { oneLine, printDuration } from '../outcome.ts';
import { aboveOf, labelOf, pathOf, reasonOf, runOf } from './names.ts';
import { agentNews, type News } from './news.ts';
import { type Row, Rows, type State } from './rows.ts';
import { standingNews, type Unmet, unmetNews } from './standing.ts';
import { count, describeRetry, describeWait } from './words.ts';

type AnyFact = RunFact | StepFact | SwarmFact | PoolFact;
type Of<Type extends AnyFact['type']> = Extract<AnyFact, { type: Type }>['payload'];

const ENDED = ['completed', 'failed', 'skipped', 'cancelled'] as const;
const TROUBLES = ['failed', 'skipped', 'cancelled', 'waiting'] as const;

export class Board {
  readonly #noun: 'step' | 'task';
  /** Steps of the workflow; tasks of the swarm once it has a plan. */
  #total: number;
  /** Steps and tasks that are known of, at any depth. */
  #known: number;
  readonly #rows = new Rows();
  readonly #unmet = new Map<string, Unmet>();
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
    return ENDED.reduce((sum, state) => sum + this.#rows.count(state), 0);
  }

  /** Waits that end by themselves. */
  get timers(): number {
    return this.#rows.timers;
  }

  /** Whether it is a swarm's. */
  get holdsTasks(): boolean {
    return this.#noun === 'task';
  }

  get root(): string {
    return this.#rows.root;
  }

  /** The failure that fails the whole. */
  get fatal(): Row | undefined {
    return this.#rows.fatal;
  }

  /** The step with which that began, which may be deep within. */
  get culprit(): Row | undefined {
    return this.#rows.culprit;
  }

  /** Between the first and the last fact so far, in milliseconds. */
  get elapsed(): number {
    return this.#lastAt - (this.#firstAt ?? this.#lastAt);
  }

  get unmet(): readonly Unmet[] {
    return [...this.#unmet.values()];
  }

  /** Steps that wait for somebody, in the order in which they began. */
  get waiting(): readonly Row[] {
    return this.#rows.in('waiting');
  }

  /** What there is to tell of an execution that goes on: steps that are under way, and those that wait, at any depth. */
  standing(): readonly News[] {
    const { root, waiting, unmet } = this;
    return standingNews({ root, running: this.#rows.in('running'), waiting, unmet, at: this.#lastAt });
  }

  /** `12 of 40 steps`, with what did not go well. */
  summary(): string {
    if (this.#noun === 'task' && this.#total === 0) return 'planning';
    const counts = TROUBLES.map((state) => [this.#rows.count(state), state] as const).filter(([number]) => number > 0);
    return [
      `${this.ended} of ${this.#total} ${this.#noun}${this.#total === 1 ? '' : 's'}`,
      ...counts.map(([number, state]) => `${number} ${state}`),
    ].join(', ');
  }

  hear(fact: Fact): News | undefined {
    this.#firstAt ??= fact.at;
    this.#lastAt = Math.max(this.#lastAt, fact.at);
    if (fact.type.startsWith('agent/')) return agentNews(fact as unknown as PoolFact, this.root);
    this.#rows.root = fact.stream;
    return fact.tier === 'tier1' ? this.#swarm(fact as Fact & SwarmFact) : this.#run(fact as Fact & (RunFact | StepFact));
  }

  #swarm(fact: Fact & SwarmFact): News | undefined {
    const { type, at, payload, executionId } = fact;
    switch (type) {
      case 'tier1/swarm/decomposed': {
        const { tasks, source } = payload.plan;
        this.#total = tasks.length;
        // Of an earlier plan: what is done stays done where the new one holds it, anything else begins anew.
        this.#rows.drop(({ id, state }) => state !== 'completed' || !tasks.some((task) => task.id === id));
        this.#known += tasks.reduce((sum, { plan }) => sum + 1 + plan.steps.length, 0);
        return { kind: 'planned', key: executionId, label: count(tasks.length, 'task'), detail: `by ${source}` };
      }
      case 'tier1/task/started':
        return this.#start(fact, payload.taskId, at, `by ${oneLine(payload.agentId)}`);
      case 'tier1/task/continued':
        // Its run goes on without an agent when it is only to end.
        if (payload.agentId === '') return undefined;
        return { kind: 'continued', ...this.#names(fact, payload.taskId), detail: `by ${oneLine(payload.agentId)}` };
      case 'tier1/lease/lost':
        return { kind: 'lost', ...this.#names(fact, payload.taskId), detail: reasonOf(payload.error, this.root) };
      case 'tier1/task/reassigned': {
        const detail = `${oneLine(payload.agentId)} failed: ${oneLine(payload.error.message)}`;
        return { kind: 'reassigned', ...this.#names(fact, payload.taskId), detail };
      }
      case 'tier1/task/given_up': {
        const detail = `no agent could do it: ${oneLine(payload.error.message)}`;
        return { kind: 'given up', ...this.#names(fact, payload.taskId), detail: `${detail}; another plan is wanted` };
      }
      case 'tier1/swarm/replanning':
        // What people were asked about tasks they are asked no longer.
        this.#rows.drop(({ state }) => state === 'waiting');
        return { kind: 'replanning', key: executionId, label: oneLine(payload.taskId), detail: `plan ${payload.round + 1}` };
      case 'tier1/swarm/replanning_failed':
        return { kind: 'replanning', key: executionId, label: 'the plan', detail: `there is no other: ${oneLine(payload.error.message)}` };
      case 'tier1/task/escalated':
        return this.#escalate(fact, payload.taskId, payload);
      case 'tier1/task/completed':
        return this.#end(fact, payload.taskId, 'completed', '');
      case 'tier1/task/failed':
        return this.#fail(fact, payload.taskId, payload);
      case 'tier1/task/cancelled':
        return this.#end(fact, payload.taskId, 'cancelled', oneLine(payload.reason));
      case 'tier1/obligation/unmet': {
        const { normId, role, mission, open } = payload;
        this.#unmet.set(normId, { normId, role, mission, open });
        return unmetNews({ normId, role, mission, open });
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
        if (pathOf(fact.executionId, this.root).length > (this.#noun === 'task' ? 1 : 0)) this.#known += payload.stepCount;
        return undefined;
      case 'tier2/step/started': {
        const { stepId, iteration, waitsFor } = payload;
        if (waitsFor) return this.#wait(fact, stepId, waitsFor);
        const news = this.#start(fact, stepId, at, '');
        return iteration > 1 || this.#isShadow(fact, stepId) ? undefined : news;
      }
      case 'tier3/attempt/failed':
        return { kind: 'retrying', ...this.#names(fact, payload.stepId), detail: describeRetry(payload) };
      case 'tier2/step/fell_back': {
        const detail = `${payload.action} after ${oneLine(payload.error.message)}`;
        return { kind: 'falling back', ...this.#names(fact, payload.stepId), detail };
      }
      case 'tier2/step/escalated':
        return this.#escalate(fact, payload.stepId, payload);
      case 'tier2/step/completed':
        return this.#end(fact, payload.stepId, 'completed', '');
      case 'tier2/step/failed':
        return this.#fail(fact, payload.stepId, payload);
      case 'tier2/step/compensated':
        return { kind: 'undone', ...this.#names(fact, payload.stepId), detail: '' };
      case 'tier2/step/compensation_failed':
        return { kind: 'not undone', ...this.#names(fact, payload.stepId), detail: oneLine(payload.error.message) };
      case 'tier2/step/reused':
        return this.#reuse(fact, payload);
      case 'tier2/step/skipped':
        return this.#end(fact, payload.stepId, 'skipped', payload.reason);
      case 'tier2/step/cancelled':
        return this.#end(fact, payload.stepId, 'cancelled', oneLine(payload.reason));
      default:
        return undefined;
    }
  }

  /** A step that is called like the task or the step that its run belongs to: it has no news of its own but its troubles. */
  #isShadow(fact: Fact, id: string): boolean {
    return fact.tier !== 'tier1' && pathOf(runOf(fact), this.root).at(-1) === id;
  }

  #names(fact: Fact, id: string): { readonly key: string; readonly label: string } {
    const runId = runOf(fact);
    const label = labelOf([...pathOf(runId, this.root), id]);
    const holder = this.#isShadow(fact, id) ? aboveOf(runId) : runId;
    return { key: `${holder}/${id}`, label };
  }

  #start(fact: Fact, id: string, at: number, detail: string): News {
    const runId = runOf(fact);
    const key = `${runId}/${id}`;
    const names = this.#names(fact, id);
    this.#rows.set({ key, id, label: names.label, runId, state: 'running', startedAt: this.#rows.get(key)?.startedAt ?? at });
    return { kind: 'started', ...names, detail };
  }

  #wait(fact: Fact, id: string, waitsFor: ResolvedWait): News {
    const runId = runOf(fact);
    const names = this.#names(fact, id);
    this.#rows.set({ key: `${runId}/${id}`, id, label: names.label, runId, state: 'waiting', startedAt: fact.at, waitsFor });
    return { kind: 'waiting', ...names, detail: describeWait(waitsFor, fact.at) };
  }

  #fail(fact: Fact, id: string, { error, fatal }: Pick<Of<'tier2/step/failed'>, 'error' | 'fatal'>): News | undefined {
    const news = this.#end(fact, id, 'failed', oneLine(error.message), error);
    if (fatal) this.#rows.setFatal(`${runOf(fact)}/${id}`);
    return news;
  }

  #escalate(fact: Fact, id: string, { error, canRetry }: { readonly error: ExecutionError; readonly canRetry?: false }): News | undefined {
    const news = this.#end(fact, id, 'waiting', `for a person, after ${oneLine(error.message)}`, error);
    const row = this.#rows.get(`${runOf(fact)}/${id}`);
    if (row && canRetry === false) this.#rows.set({ ...row, canRetry });
    return news;
  }

  /** Of a rerun: it was taken over as it had ended before. What is entered runs again in part. */
  #reuse(fact: Fact, { stepId, status }: Of<'tier2/step/reused'>): News | undefined {
    if (status === 'entered') return undefined;
    const state = status === 'timed_out' ? 'failed' : status;
    const key = `${runOf(fact)}/${stepId}`;
    const { label } = this.#names(fact, stepId);
    this.#rows.set({ key, id: stepId, label, runId: runOf(fact), state, startedAt: fact.at, endedAt: fact.at });
    return undefined;
  }

  #end(fact: Fact, id: string, state: Exclude<State, 'running'>, detail: string, error?: ExecutionError): News | undefined {
    const runId = runOf(fact);
    const key = `${runId}/${id}`;
    const before = this.#rows.get(key);
    const names = this.#names(fact, id);
    const { label } = names;
    this.#rows.set({ key, id, label, runId, state, startedAt: before?.startedAt ?? fact.at, endedAt: fact.at, ...(error && { error }) });
    if (this.#isShadow(fact, id) && state !== 'waiting') return undefined;
    const took = before === undefined || state === 'waiting' ? '' : printDuration(fact.at - before.startedAt);
    return { kind: state, ...names, detail: [took, detail].filter(Boolean).join('  ') };
  }
}

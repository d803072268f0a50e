/**
 * The inbox of people: every decision that a live execution waits for, as a view over committed facts. Each fact costs the same, however many wait;
 * only a task that is done, and another plan, look at all that its swarm asks.
 */

import type { Choice, Decision, Vote } from '../machines/protocol/decision.ts';
import type { ExecutionError } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RunFact } from '../machines/protocol/run.ts';
import type { SwarmFact } from '../machines/protocol/swarm.ts';
import type { WaitFact } from '../machines/protocol/wait.ts';

export interface PendingDecision {
  /** `<executionId>/<subject>`. */
  readonly id: string;
  readonly executionId: string;
  readonly kind: 'approval' | 'step' | 'task' | 'obligation';
  /** Step, task or norm id. */
  readonly subject: string;
  /** The question, or the failure in words. */
  readonly prompt: string;
  /** What an answer's `role` must be. */
  readonly role?: string;
  /** So many different people must give the same answer. */
  readonly quorum: number;
  /** Answers so far, none of which decides yet. */
  readonly votes: readonly Pick<Vote, 'by' | 'decision' | 'value'>[];
  readonly since: number;
  readonly expiresAt?: number;
  readonly options: readonly Choice[];
}

/** Where an answer goes. */
export interface DecisionDoors {
  readonly step: (executionId: string, stepId: string, decision: Decision) => Promise<boolean>;
  readonly task: (executionId: string, taskId: string, decision: Decision) => Promise<boolean>;
  readonly obligation: (executionId: string, normId: string, decision: Decision) => Promise<boolean>;
}

type Kind = PendingDecision['kind'];
type Question = Pick<PendingDecision, 'executionId' | 'kind' | 'subject' | 'prompt' | 'since' | 'options'> & {
  readonly role?: string | undefined;
  readonly quorum?: number | undefined;
  readonly expiresAt?: number | undefined;
};

interface Entry {
  readonly stream: string;
  readonly pending: PendingDecision;
  /** Of an obligation: tasks that are not done. */
  readonly open: readonly string[];
}

const ALL: readonly Choice[] = ['approve', 'reject', 'retry', 'abort'];
const OF_APPROVALS: readonly Choice[] = ['approve', 'reject', 'abort'];
/** Nothing of an execution is asked any more. */
const LEAVING =
  /^tier(1\/swarm\/(cancelling|failing|decomposed|coordination_\w+)|2\/routine\/(started|cancelling|failing|completed|failed|cancelled))$/;
const SETTLED_STEP = /^tier2\/step\/(decided|expired|fell_back|completed|failed|skipped|cancelled|signal_taken)$/;
const SETTLED_TASK = /^tier1\/task\/(decided|expired|failed|cancelled)$/;

export class Approvals {
  readonly #doors: DecisionDoors;
  /** By execution, then by kind and subject, in the order in which they were asked. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  /** Executions of each stream of which something is asked. */
  readonly #streams = new Map<string, Set<string>>();

  constructor(doors: DecisionDoors) {
    this.#doors = doors;
  }

  /** What waits for people now, the oldest first. */
  list(): readonly PendingDecision[] {
    const all = [...this.#entries.values()].flatMap((entries) => [...entries.values()].map(({ pending }) => pending));
    return all.sort((one, other) => one.since - other.since);
  }

  get(id: string): PendingDecision | undefined {
    if (typeof id !== 'string') return undefined;
    for (let slash = id.lastIndexOf('/'); slash > 0; slash = id.lastIndexOf('/', slash - 1)) {
      const entries = this.#entries.get(id.slice(0, slash));
      const subject = id.slice(slash + 1);
      for (const kind of ['approval', 'step', 'task', 'obligation'] as const) {
        const entry = entries?.get(keyOf(kind, subject));
        if (entry) return entry.pending;
      }
    }
    return undefined;
  }

  /**
   * Answers. `false` when nothing of this id waits any more, or this person has answered already; rejects with NOT_PERMITTED for another role than
   * the one that is asked for, and with INVALID_INPUT for an answer that makes no sense.
   */
  async decide(id: string, decision: Decision): Promise<boolean> {
    const pending = this.get(id);
    if (!pending) return false;
    const { kind, executionId, subject } = pending;
    if (kind === 'task') return this.#doors.task(executionId, subject, decision);
    return kind === 'obligation'
      ? this.#doors.obligation(executionId, subject, decision)
      : this.#doors.step(executionId, subject, decision);
  }

  /** Committed facts, in their order; also those that an execution is restored from. */
  hear(facts: readonly Fact[]): void {
    for (const fact of facts) this.#hear(fact);
  }

  /** The root of a stream has its result, or was abandoned. */
  forget(stream: string): void {
    for (const executionId of this.#streams.get(stream) ?? []) this.#entries.delete(executionId);
    this.#streams.delete(stream);
  }

  #hear(fact: Fact): void {
    const { type, executionId, at } = fact;
    if (LEAVING.test(type)) return this.#drop(fact);
    const said = fact as unknown as RunFact | SwarmFact | WaitFact;
    switch (said.type) {
      case 'tier3/wait/started': {
        const { stepId, for: wait, dueAt } = said.payload;
        if (wait.type !== 'approval' || fact.parentExecutionId === undefined) return;
        const { prompt = `Step "${stepId}" waits for an approval`, role, quorum } = wait;
        const question = {
          executionId: fact.parentExecutionId,
          kind: 'approval',
          subject: stepId,
          since: at,
          options: OF_APPROVALS,
        } as const;
        return this.#ask(fact, { ...question, prompt, role, quorum, expiresAt: dueAt });
      }
      case 'tier2/step/escalated': {
        const { stepId, error, canRetry = true, role, quorum, expiresAt } = said.payload;
        const options = canRetry ? ALL : OF_APPROVALS;
        return this.#ask(fact, {
          ...failureOf(error),
          executionId,
          kind: 'step',
          subject: stepId,
          since: at,
          options,
          role,
          quorum,
          expiresAt,
        });
      }
      case 'tier1/task/escalated': {
        const { taskId, error, role, quorum, expiresAt } = said.payload;
        return this.#ask(fact, {
          ...failureOf(error),
          executionId,
          kind: 'task',
          subject: taskId,
          since: at,
          options: ALL,
          role,
          quorum,
          expiresAt,
        });
      }
      case 'tier1/obligation/unmet': {
        const { normId, role, mission, open } = said.payload;
        const prompt = `"${role}" has not done "${mission}" in time${open.length > 0 ? `, still open: ${open.join(', ')}` : ''}`;
        return this.#ask(fact, { executionId, kind: 'obligation', subject: normId, prompt, since: at, options: ALL }, open);
      }
      case 'tier2/step/voted':
        this.#vote(executionId, 'approval', said.payload.stepId, said.payload);
        return this.#vote(executionId, 'step', said.payload.stepId, said.payload);
      case 'tier1/task/voted':
        return this.#vote(executionId, 'task', said.payload.taskId, said.payload);
      case 'tier1/obligation/decided':
        return this.#settle(fact, 'obligation', said.payload.normId);
      case 'tier1/task/completed':
        return this.#complete(fact, said.payload.taskId);
      case 'tier1/swarm/replanning':
        return this.#dropTasks(fact);
      default:
        if (SETTLED_STEP.test(type)) {
          const { stepId } = fact.payload as { readonly stepId: string };
          this.#settle(fact, 'approval', stepId);
          this.#settle(fact, 'step', stepId);
        } else if (SETTLED_TASK.test(type)) this.#settle(fact, 'task', (fact.payload as { readonly taskId: string }).taskId);
    }
  }

  #ask({ stream }: Fact, { role, quorum = 1, expiresAt, ...question }: Question, open: readonly string[] = []): void {
    const { executionId, kind, subject } = question;
    const pending: PendingDecision = {
      id: `${executionId}/${subject}`,
      ...question,
      ...(role !== undefined && { role }),
      quorum,
      votes: [],
      ...(expiresAt !== undefined && { expiresAt }),
    };
    const entries = this.#entries.get(executionId) ?? new Map<string, Entry>();
    this.#entries.set(executionId, entries);
    entries.set(keyOf(kind, subject), { stream, pending, open });
    const executions = this.#streams.get(stream) ?? new Set();
    this.#streams.set(stream, executions.add(executionId));
  }

  #vote(executionId: string, kind: Kind, subject: string, { by, decision, value }: Vote): void {
    const key = keyOf(kind, subject);
    const entry = this.#entries.get(executionId)?.get(key);
    if (!entry) return;
    const { pending } = entry;
    const votes = [...pending.votes, { by, decision, ...(value !== undefined && { value }) }];
    this.#entries.get(executionId)?.set(key, { ...entry, pending: { ...pending, votes } });
  }

  #settle(fact: Fact, kind: Kind, subject: string): void {
    const entries = this.#entries.get(fact.executionId);
    if (entries?.delete(keyOf(kind, subject)) && entries.size === 0) this.#drop(fact);
  }

  /** A task that is done may meet obligations late. */
  #complete(fact: Fact, taskId: string): void {
    this.#settle(fact, 'task', taskId);
    const entries = this.#entries.get(fact.executionId);
    for (const [key, entry] of entries ?? []) {
      if (!entry.open.includes(taskId)) continue;
      const open = entry.open.filter((id) => id !== taskId);
      if (open.length === 0) this.#settle(fact, entry.pending.kind, entry.pending.subject);
      else entries?.set(key, { ...entry, open });
    }
  }

  #dropTasks(fact: Fact): void {
    const entries = [...(this.#entries.get(fact.executionId)?.values() ?? [])];
    for (const { pending } of entries) if (pending.kind === 'task') this.#settle(fact, 'task', pending.subject);
  }

  #drop({ executionId, stream }: Fact): void {
    if (!this.#entries.delete(executionId)) return;
    const executions = this.#streams.get(stream);
    executions?.delete(executionId);
    if (executions?.size === 0) this.#streams.delete(stream);
  }
}

const keyOf = (kind: Kind, subject: string): string => `${kind} ${subject}`;
const failureOf = ({ message }: ExecutionError): { readonly prompt: string } => ({ prompt: message });

/** The questions of one execution as its facts tell them, answered through its handle. */

import type { Fact } from '../../machines/protocol/facts.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';
import type { ExecutionHandle, RunControls } from '../../runtime/execution/handle.ts';
import { pathOf, runOf } from '../progress/names.ts';
import { History } from './history.ts';
import type { Answer, Inbox, Question } from './inbox.ts';

/** What answers are handed to: the controls of a run, or of a swarm, whose obligations are decided by the same call. */
export type Holder = Pick<ExecutionHandle, 'executionId' | 'run' | 'decide'>;

interface Asking {
  readonly waitsFor?: ResolvedWait;
  readonly error?: { readonly message: string };
  readonly role?: string;
  readonly quorum?: number;
  readonly expiresAt?: number;
  readonly canRetry?: false;
  readonly mission?: string;
}

export class ExecutionInbox implements Inbox {
  readonly #history = new History();
  readonly #questions = new Map<string, Question>();
  #holder: Holder | undefined;
  /** The next fact. */
  #news = Promise.withResolvers<void>();

  open(holder: Holder): void {
    this.#holder = holder;
  }

  /** Must hear every fact of the execution. */
  hear(fact: Fact): void {
    const id = this.#history.hear(fact);
    if (id !== undefined) this.#ask(id, fact);
    else if (fact.type.endsWith('/voted')) this.#vote(fact);
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  list(): readonly Question[] {
    for (const id of this.#questions.keys()) if (!this.#history.get(id)?.isOpen) this.#questions.delete(id);
    return [...this.#questions.values()];
  }

  async decide(id: string, { decision, value, by, role }: Answer): Promise<boolean> {
    const question = this.list().find((one) => one.id === id);
    const holder = question && this.#holderOf(question.executionId);
    if (!question || !holder) return false;
    const more = { ...(value !== undefined && { value }), ...(role !== undefined && { role }) };
    const answer = { decision, ...(by !== undefined && { by }), ...(question.kind !== 'obligation' && more) };
    const isTaken = await holder.decide(question.subject, answer);
    // What follows from it is heard a moment later.
    while (isTaken && this.#questions.get(id) === question && this.#history.get(id)?.isOpen) await this.#news.promise;
    return isTaken;
  }

  #ask(id: string, fact: Fact): void {
    const executionId = runOf(fact);
    const subject = id.slice(executionId.length + 1);
    this.#questions.set(id, { id, executionId, subject, since: fact.at, votes: [], ...questionOf(fact.payload as Asking, fact) });
  }

  #vote(fact: Fact): void {
    const { stepId, by, decision } = fact.payload as Record<'stepId' | 'by' | 'decision', string>;
    const question = this.#questions.get(`${runOf(fact)}/${stepId}`);
    if (question) this.#questions.set(question.id, { ...question, votes: [...question.votes, { by, decision }] });
  }

  /** However deep its run lives. */
  #holderOf(executionId: string): Pick<Holder, 'decide'> | undefined {
    const root = this.#holder;
    const path = root ? pathOf(executionId, root.executionId) : [];
    return path.reduce<Holder | RunControls | undefined>((holder, step) => holder?.run(step), root);
  }
}

function questionOf(
  { waitsFor, error, role, quorum, expiresAt, canRetry, mission }: Asking,
  { type, at }: Fact,
): Pick<Question, 'kind' | 'prompt' | 'role' | 'quorum' | 'expiresAt' | 'options'> {
  if (waitsFor?.type === 'approval') {
    const { prompt = 'Approve?', role: of, timeoutMs } = waitsFor;
    const { quorum: people = 1 } = waitsFor as { readonly quorum?: number };
    return { kind: 'approval', prompt, role: of, quorum: people, expiresAt: at + timeoutMs, options: ['approve', 'reject', 'abort'] };
  }
  const options = canRetry === false ? (['approve', 'reject', 'abort'] as const) : (['approve', 'reject', 'retry', 'abort'] as const);
  if (type === 'tier1/obligation/unmet') {
    // Its role is the agents', and says nothing about who may decide.
    return { kind: 'obligation', prompt: `"${role}" has not done "${mission}" in time`, quorum: 1, options };
  }
  const kind = type.startsWith('tier1') ? 'task' : 'step';
  return { kind, prompt: error?.message ?? 'It has failed', role, quorum: quorum ?? 1, expiresAt, options };
}

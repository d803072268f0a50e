/** The failures of one stream: of a root execution and all executions below it. Each fact is folded in constant time, but for whom it concerns. */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { Plan } from '../../machines/protocol/plan.ts';
import type { Books } from './books.ts';
import { type Blame, type Case, ExecutionCase } from './case.ts';
import type { Failure, FailureOutcome, Place } from './failure.ts';
import { HANDLERS, obligationPart } from './handlers.ts';
import type { PassedOn } from './passed-on.ts';
import { errorIn, hasError, normIn, type Payload, payloadOf } from './reading.ts';

interface Known {
  readonly tool?: string;
  readonly plan?: Plan;
  readonly agentId?: string;
}

export class StreamCases {
  readonly passedOn: PassedOn;
  readonly #books: Books;
  /** Those with failures that may still be made up for. */
  readonly #executions = new Map<string, ExecutionCase>();
  readonly #known = new Map<string, Known>();

  constructor(books: Books, passedOn: PassedOn) {
    this.#books = books;
    this.passedOn = passedOn;
  }

  hear(fact: Fact): void {
    const payload = payloadOf(fact);
    const handler = HANDLERS.get(fact.type);
    if (handler) handler(this, fact, payload);
    else if (hasError(payload.error)) this.#hearUnknown(fact, payload);
  }

  execution(executionId: string): ExecutionCase {
    const known = this.#executions.get(executionId);
    if (known) return known;
    const execution = new ExecutionCase();
    this.#executions.set(executionId, execution);
    return execution;
  }

  /** The step or the task, if it has failed before. */
  part(executionId: string, id: string): Case | undefined {
    return this.#executions.get(executionId)?.parts.get(id);
  }

  /** Of an execution that lives: what it runs. Of a step, the tool; of a run, its plan, and its agent if it is a task's. */
  know(executionId: string, known: Known): void {
    const before = this.#known.get(executionId);
    this.#known.set(executionId, before ? { ...before, ...known } : known);
  }

  /** The step or the task that the fact is about; of a fact about an execution as a whole, that. */
  caseOf({ executionId }: Fact, { stepId, taskId }: Payload): Case {
    const execution = this.execution(executionId);
    const id = stepId ?? taskId;
    return id === undefined ? execution : execution.part(id);
  }

  /** A failure that is new. One that the pool has heard of before is not. */
  enter(fact: Fact, error: ExecutionError, payload: Payload, outcome: FailureOutcome): Failure {
    const passedOn = this.passedOn.refusal(error);
    if (!passedOn) return this.#books.enter(fact, error, this.#placeOf(fact, payload), outcome);
    passedOn.became(outcome, fact.at);
    this.locate(passedOn, fact, payload);
    return passedOn;
  }

  locate(failure: Failure, fact: Fact, payload: Payload): void {
    this.#books.locate(failure, this.#placeOf(fact, payload));
  }

  /**
   * Whom the error is due to: what it was beneath, or else it is new here.
   *
   * @param isFurther Or it may be what the last rung was taken for.
   */
  blameOn(fact: Fact, payload: Payload, error: ExecutionError, outcome: FailureOutcome, isFurther = false): Blame {
    const part = this.caseOf(fact, payload);
    const known = part.blameFor(error) ?? (isFurther ? part.lastFor(error) : undefined) ?? this.#blameInGroup(fact, payload, error);
    return known ?? { culprits: [this.enter(fact, error, payload, outcome)], earlier: [] };
  }

  /** A step or a task takes a rung. */
  goesOn(fact: Fact, payload: Payload, outcome: FailureOutcome, isFurther = false): void {
    const error = errorIn(fact);
    const part = this.caseOf(fact, payload);
    const blame = this.blameOn(fact, payload, error, outcome, isFurther);
    part.goesOn(blame, outcome, fact.at, error);
    part.hasDealtWith(error);
    if (outcome === 'replanned') this.execution(fact.executionId).hope(blame);
  }

  stepFailed(fact: Fact, payload: Payload): void {
    const error = errorIn(fact);
    const part = this.caseOf(fact, payload);
    const blame = part.gaveUp(this.blameOn(fact, payload, error, 'failed'), fact.at);
    part.isFatal = payload.fatal !== false;
    const step = this.#known.get(fact.executionId)?.plan?.steps[payload.ordinal ?? -1];
    if (part.isFatal && step?.parent === undefined) this.execution(fact.executionId).arrive(error, blame);
  }

  /** A failure of its own, such as a timeout, is entered when it is heard first. */
  executionFails(fact: Fact): Blame {
    const error = errorIn(fact);
    const execution = this.execution(fact.executionId);
    const obligation = error.code === 'OBLIGATION_UNMET' ? execution.parts.get(obligationPart(normIn(error)))?.last : undefined;
    const known = execution.blameFor(error) ?? obligation;
    const blame = known ?? { culprits: [this.enter(fact, error, {}, 'failed')], earlier: [] };
    if (!known || known === obligation) execution.arrive(error, blame);
    return execution.gaveUp(blame, fact.at);
  }

  /** What an execution failed with is what its step, or its task, has to do with. */
  ended({ executionId, parentExecutionId }: Fact, error: ExecutionError, blame: Blame): void {
    this.forget(executionId);
    if (parentExecutionId === undefined) return;
    const below = executionId.slice(parentExecutionId.length + 1);
    this.execution(parentExecutionId)
      .part(below.slice(0, below.lastIndexOf('/')))
      .arrive(error, blame);
  }

  /** The plan that follows is to make up for what this task failed with. */
  replanned(fact: Fact, payload: Payload): void {
    const swarm = this.execution(fact.executionId);
    const given = hasError(payload.error);
    const blame = given ? (swarm.blameFor(errorIn(fact)) ?? this.blameOn(fact, payload, errorIn(fact), 'replanned', true)) : undefined;
    const last = blame ?? this.caseOf(fact, payload).last;
    if (last) swarm.goesOn(last, 'replanned', fact.at);
    if (given) swarm.hasDealtWith(errorIn(fact));
  }

  wentWell({ executionId, at }: Fact): void {
    this.#executions.get(executionId)?.wentWell(at);
    this.forget(executionId);
  }

  partWentWell({ executionId, at }: Fact, id = ''): void {
    const parts = this.#executions.get(executionId)?.parts;
    parts?.get(id)?.wentWell(at);
    parts?.delete(id);
  }

  forget(executionId: string): void {
    this.#executions.delete(executionId);
    this.#known.delete(executionId);
  }

  forgetPart({ executionId }: Fact, id = ''): void {
    this.#executions.get(executionId)?.parts.delete(id);
  }

  /** Something has gone wrong that this version knows nothing about. */
  #hearUnknown(fact: Fact, payload: Payload): void {
    const error = errorIn(fact);
    const part = this.caseOf(fact, payload);
    const isKnown = part.blameFor(error) ?? part.last?.culprits.some((failure) => isSame(failure.error, error));
    if (!isKnown) part.goesOn({ culprits: [this.enter(fact, error, payload, 'open')], earlier: [] }, 'open', fact.at);
  }

  /** A group has no failure of its own: it failed with those of its steps that it could not do without. */
  #blameInGroup({ executionId }: Fact, { ordinal = -1 }: Payload, error: ExecutionError): Blame | undefined {
    const { plan } = this.#known.get(executionId) ?? {};
    const group = plan?.steps[ordinal];
    if (!plan || !group || group.children.length === 0) return undefined;
    const culprits: Failure[] = [];
    const earlier: Failure[] = [];
    for (const child of group.children) {
      const part = this.part(executionId, plan.steps[child]?.id ?? '');
      if (!part?.isFatal || !part.last) continue;
      if (error.code !== 'BRANCH_FAILED' && !part.last.culprits.some((failure) => isSame(failure.error, error))) continue;
      for (const failure of part.last.culprits) culprits.push(failure);
      for (const failure of part.last.earlier) earlier.push(failure);
    }
    return culprits.length === 0 ? undefined : { culprits, earlier };
  }

  #placeOf(fact: Fact, { stepId, taskId, attempt, agentId }: Payload): Place {
    const { tier, executionId, swarmId } = fact;
    const { tool } = this.#known.get(executionId) ?? {};
    const agent = agentId ?? this.#agentOf(executionId);
    return {
      source: tier,
      executionId,
      swarmId,
      ...(stepId !== undefined && { stepId }),
      ...(taskId !== undefined && { taskId }),
      ...(attempt !== undefined && { attempt }),
      ...(tool !== undefined && { tool }),
      ...(agent && { agentId: agent }),
    };
  }

  /** The agent of the task that an execution works for: that of the run at the top, under the swarm. */
  #agentOf(executionId: string): string | undefined {
    for (let id = executionId; id !== ''; id = id.slice(0, Math.max(0, id.lastIndexOf('/')))) {
      const agentId = this.#known.get(id)?.agentId;
      if (agentId !== undefined) return agentId;
    }
    return undefined;
  }
}

const isSame = (one: ExecutionError, other: ExecutionError): boolean => one.code === other.code && one.message === other.message;

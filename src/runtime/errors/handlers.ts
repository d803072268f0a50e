/** What each fact of the three tiers means for the failures of its stream. */

import { executionError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { errorIn, type Payload } from './reading.ts';
import type { StreamCases } from './stream-cases.ts';

type Handler = (stream: StreamCases, fact: Fact, payload: Payload) => void;

/** No id of a step, a task or a norm holds a slash, so these are parts of a swarm that nothing else is. */
const PLANNING = '/planning';
export const obligationPart = (normId: string | undefined): string => `/obligation/${normId}`;

const tier3: Readonly<Record<string, Handler>> = {
  'tier3/execution/started': (stream, fact, { kind, target }) => {
    if (kind !== 'condition' && target !== undefined) stream.know(fact.executionId, { tool: target });
  },
  'tier3/attempt/failed': (stream, fact, payload) => {
    const failure = stream.enter(fact, errorIn(fact), payload, 'retried');
    stream.execution(fact.executionId).hope({ culprits: [failure], earlier: [] });
  },
  'tier3/execution/failed': (stream, fact, payload) => {
    const error = errorIn(fact);
    const failure = stream.enter(fact, error, payload, 'failed');
    stream.ended(fact, error, stream.execution(fact.executionId).gaveUp({ culprits: [failure], earlier: [] }, fact.at));
  },
  'tier3/execution/completed': (stream, fact) => stream.wentWell(fact),
  'tier3/execution/cancelled': (stream, fact) => stream.forget(fact.executionId),
};

const tier2: Readonly<Record<string, Handler>> = {
  'tier2/routine/started': (stream, fact, { job }) => {
    if (job?.plan) stream.know(fact.executionId, { plan: job.plan });
  },
  'tier2/step/fell_back': (stream, fact, payload) => stream.goesOn(fact, payload, 'fell_back'),
  'tier2/step/restarted': (stream, fact, payload) => stream.goesOn(fact, payload, 'retried'),
  'tier2/step/escalated': (stream, fact, payload) => stream.goesOn(fact, payload, 'escalated', true),
  'tier2/step/failed': (stream, fact, payload) => stream.stepFailed(fact, payload),
  'tier2/step/completed': (stream, fact, payload) => stream.partWentWell(fact, payload.stepId),
  'tier2/step/skipped': (stream, fact, payload) => stream.forgetPart(fact, payload.stepId),
  'tier2/step/cancelled': (stream, fact, payload) => stream.forgetPart(fact, payload.stepId),
  'tier2/step/compensation_failed': (stream, fact, payload) => {
    stream.caseOf(fact, payload).gaveUp(stream.blameOn(fact, payload, errorIn(fact), 'failed'), fact.at);
  },
  'tier2/routine/failing': (stream, fact) => void stream.executionFails(fact),
  'tier2/routine/failed': (stream, fact) => stream.ended(fact, errorIn(fact), stream.executionFails(fact)),
  'tier2/routine/completed': (stream, fact) => stream.wentWell(fact),
  'tier2/routine/cancelled': (stream, fact) => stream.forget(fact.executionId),
};

const tier1: Readonly<Record<string, Handler>> = {
  'tier1/swarm/plan_refused': (stream, fact, payload) => {
    const failure = stream.enter(fact, errorIn(fact), payload, 'retried');
    stream
      .execution(fact.executionId)
      .part(PLANNING)
      .hope({ culprits: [failure], earlier: [] });
  },
  'tier1/swarm/decomposed': (stream, fact) => stream.partWentWell(fact, PLANNING),
  'tier1/task/given_up': (stream, fact, payload) => stream.goesOn(fact, payload, 'replanned', true),
  'tier1/swarm/replanning_failed': (stream, fact, payload) => {
    const failure = stream.enter(fact, errorIn(fact), payload, 'failed');
    stream.execution(fact.executionId).hope(
      stream
        .execution(fact.executionId)
        .part(PLANNING)
        .gaveUp({ culprits: [failure], earlier: [] }, fact.at),
    );
  },
  'tier1/swarm/replanning': (stream, fact, payload) => stream.replanned(fact, payload),
  'tier1/task/started': (stream, fact, { childExecutionId, agentId, taskId = '' }) => {
    stream.part(fact.executionId, taskId)?.startsAnew();
    if (childExecutionId !== undefined && agentId) stream.know(childExecutionId, { agentId });
  },
  'tier1/lease/lost': (stream, fact, payload) => {
    const error = errorIn(fact);
    const culprits = [stream.passedOn.lease(payload.leaseId) ?? stream.enter(fact, error, payload, 'reassigned')];
    for (const failure of culprits) failure.isOfWork = true;
    stream.caseOf(fact, payload).arrive(error, { culprits, earlier: [] });
    stream.caseOf(fact, payload).goesOn({ culprits, earlier: [] }, 'reassigned', fact.at);
  },
  'tier1/lease/refused': (stream, fact, payload) => {
    const error = errorIn(fact);
    const culprits = [stream.passedOn.lease(payload.leaseId) ?? stream.enter(fact, error, payload, 'failed')];
    for (const failure of culprits) stream.locate(failure, fact, payload);
    stream.caseOf(fact, payload).arrive(error, { culprits, earlier: [] });
  },
  'tier1/task/reassigned': (stream, fact, payload) => {
    stream.caseOf(fact, payload).goesOn(stream.blameOn(fact, payload, errorIn(fact), 'reassigned'), 'reassigned', fact.at);
  },
  'tier1/task/escalated': (stream, fact, payload) => stream.goesOn(fact, payload, 'escalated', true),
  'tier1/task/decided': (stream, fact, { taskId = '' }) => stream.part(fact.executionId, taskId)?.startsAnew(),
  'tier1/task/failed': (stream, fact, payload) => {
    const error = errorIn(fact);
    const blame = stream.caseOf(fact, payload).gaveUp(stream.blameOn(fact, payload, error, 'failed', true), fact.at);
    if (payload.fatal !== false) stream.execution(fact.executionId).arrive(error, blame);
  },
  'tier1/task/completed': (stream, fact, payload) => stream.partWentWell(fact, payload.taskId),
  'tier1/task/cancelled': (stream, fact, payload) => stream.forgetPart(fact, payload.taskId),
  'tier1/obligation/unmet': (stream, fact, payload) => {
    const { normId, mission } = payload;
    const error = executionError('OBLIGATION_UNMET', `Obligation "${normId}" (mission "${mission}") was not met in time`, 'tier1');
    const failure = stream.enter(fact, error, payload, 'escalated');
    stream
      .execution(fact.executionId)
      .part(obligationPart(normId))
      .goesOn({ culprits: [failure], earlier: [] }, 'escalated', fact.at);
  },
  'tier1/obligation/decided': (stream, fact, { normId, decision }) => {
    const part = stream.execution(fact.executionId).part(obligationPart(normId));
    if (decision === 'approve') part.wentWell(fact.at);
    else if (decision === 'retry' && part.last) part.goesOn(part.last, 'retried', fact.at);
  },
  'tier1/swarm/failing': (stream, fact) => void stream.executionFails(fact),
  'tier1/swarm/coordination_failed': (stream, fact) => void stream.executionFails(fact),
  'tier1/swarm/coordination_completed': (stream, fact) => stream.wentWell(fact),
};

export const HANDLERS: ReadonlyMap<string, Handler> = new Map(Object.entries({ ...tier1, ...tier2, ...tier3 }));

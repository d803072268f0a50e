/** Swarms under test: what they may hear, and what must hold of them beside what holds of every chart. */

import assert from 'node:assert/strict';
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { evolveSwarm, type SwarmInput, type SwarmState, swarmMachine, type TaskRecord } from '../../../src/machines/machines.ts';
import { hasOrdinal } from '../../../src/machines/ordinal-set.ts';
import type { Decision } from '../../../src/machines/protocol/decision.ts';
import { executionError } from '../../../src/machines/protocol/errors.ts';
import type { ResourceUsage } from '../../../src/machines/protocol/execution.ts';
import type { FactBody } from '../../../src/machines/protocol/facts.ts';
import type { RunOutcome } from '../../../src/machines/protocol/run.ts';
import type { ObligationDecision, SwarmFact, SwarmJob, SwarmTask } from '../../../src/machines/protocol/swarm.ts';
import type { SwarmEvent } from '../../../src/machines/swarm.decisions.ts';
import { FRESH_SWARM, isActive } from '../../../src/machines/swarm.state.ts';
import { HELPERS } from '../../../src/machines/swarm.turn.ts';
import { addCredits, lessCredits } from '../../../src/machines/usage.ts';
import { timersOf } from '../../../src/testing/paths.ts';
import { goalOf } from './goals.ts';
import { PERMANENT, TRANSIENT, usageOf } from './jobs.ts';
import { commitOf, folding, inert, type LiveChart } from './live-chart.ts';
import type { Walks } from './walks.ts';

const NOBODY = executionError('NO_CAPABLE_AGENT', 'Nobody can do it', 'tier1');
const LOST = executionError('AGENT_LOST', 'The agent is gone', 'tier1');
const cause = { name: 'Error', message: 'boom' };
const DECISIONS: readonly ObligationDecision[] = ['approve', 'reject', 'retry', 'abort'];

const outcomes = (usage: ResourceUsage): readonly RunOutcome[] => [
  { status: 'completed', result: 'good', usage, duration: 1 },
  { status: 'failed', result: null, error: TRANSIENT, usage, duration: 1 },
  { status: 'failed', result: null, error: PERMANENT, usage, duration: 1 },
  { status: 'cancelled', result: null, reason: 'enough', usage, duration: 1 },
];

function eventsAt(snapshot: AnyMachineSnapshot, at: number): readonly EventObject[] {
  const { job, state } = snapshot.context as { readonly job: SwarmJob; readonly state: SwarmState };
  const commands: SwarmEvent[] = [
    { type: 'execution.pause', epoch: 0, at },
    { type: 'execution.resume', at },
    { type: 'execution.cancel', at, reason: 'enough' },
    { type: 'swarm.decide', at, normId: 'nobody', decision: 'approve' },
  ];
  for (const { normId, status } of state.obligations.values()) {
    if (status === 'escalated') commands.push(...DECISIONS.map((decision) => ({ type: 'swarm.decide' as const, at, normId, decision })));
  }
  const asked = state.records.toArray().flatMap((record, ordinal) => answersTo(record, `t${ordinal}`, at));
  const isHurried = asked.some(({ type }) => type === 'decision.expired');
  const news = state.records.toArray().flatMap((record, ordinal) => newsOf(state, record, ordinal, at));
  const { isNoisy, deaf } = goalOf(job);
  const stale = isNoisy ? staleNews(at) : [];
  // What expires before the swarm's own time is up, is heard before.
  const timers = isHurried ? [] : timersOf(snapshot);
  const events: readonly EventObject[] = [...commands, ...asked, ...stale, ...helperNews(job, state, at), ...news, ...timers];
  return deaf ? events.filter((event) => !deaf.test(nameOf(event))) : events;
}

const nameOf = (event: EventObject): string =>
  event.type === 'swarm.decideTask' ? `task ${(event as Extract<SwarmEvent, { type: 'swarm.decideTask' }>).decision.decision}` : event.type;

/** Where several must agree, two people who may say the same; and what is not taken. A person who retries for ever makes paths without end. */
function answersTo({ status, asked, iteration, forgiven }: TaskRecord, taskId: string, at: number): readonly SwarmEvent[] {
  if (status !== 'escalated' || !asked) return [];
  const { quorum = 1, role, expiresAt } = asked;
  const as = role === undefined ? {} : { role };
  const people = quorum === 1 ? ['Ann'] : ['Ann', 'Bob'];
  const choices = DECISIONS.filter((decision) => decision !== 'retry' || (iteration < 2 && forgiven === 0));
  const decisions: Decision[] = people.flatMap((by) => choices.map((decision) => ({ decision, by, ...as })));
  if (role !== undefined) decisions.push({ decision: 'approve', by: 'Cid' });
  const answers: SwarmEvent[] = decisions.map((decision) => ({ type: 'swarm.decideTask', at, taskId, decision }));
  if (expiresAt === undefined) return answers;
  const due = { type: 'decision.expired', subject: taskId, expiresAt, at: Math.max(at, expiresAt) } as SwarmEvent;
  return [...answers, due, { type: 'decision.expired', subject: taskId, expiresAt: expiresAt + 1 }];
}

/** What would end most walks before a task begins, or changes nothing. */
function isSetback(event: SwarmEvent): boolean {
  if ('leaseId' in event) return event.type !== 'lease.granted' || event.leaseId.endsWith('#-1');
  if (event.type === 'child.stopped') return event.incarnation === -1;
  if (event.type !== 'child.done' && event.type !== 'child.crashed') return !('id' in event) || event.id === 'nobody';
  const isGood = event.type === 'child.done' && (event.output as { readonly ok?: boolean }).ok === true;
  return event.incarnation === -1 || (event.id.startsWith('$') && !isGood);
}

/** Of an earlier life, of an earlier pause, of a lease that nobody waits for, of a task that does not exist. */
const staleNews = (at: number): readonly SwarmEvent[] => [
  { type: 'child.done', id: 't0', incarnation: -1, output: outcomes(usageOf('2'))[0], at },
  { type: 'child.done', id: '$planner', incarnation: -1, output: { ok: true }, at },
  { type: 'child.crashed', id: 't0', incarnation: -1, cause, at },
  { type: 'child.crashed', id: '$planner', incarnation: -1, cause, at },
  { type: 'child.stopped', id: 't0', incarnation: -1, at },
  { type: 'execution.paused', id: 't0', epoch: -1, at },
  { type: 'execution.waiting', id: 'nobody', at },
  { type: 'execution.continued', id: 'nobody', at },
  { type: 'lease.granted', leaseId: 'swarm/t0#-1', agentId: 'a', at },
  { type: 'lease.refused', leaseId: 'swarm/t0#-1', error: NOBODY, at },
  { type: 'lease.lost', leaseId: 'swarm/t0#-1', agentId: 'a', error: LOST, at },
];

function helperNews(job: SwarmJob, { stage, hasHelper, planAttempt, round }: SwarmState, at: number): readonly SwarmEvent[] {
  if (!hasHelper || stage === 'coordinating') return [];
  const incarnations = { decomposing: planAttempt, replanning: 2 * round + planAttempt, organizing: round + 1, synthesizing: 1 };
  const child = { id: HELPERS[stage], incarnation: incarnations[stage], at };
  const { plan, otherPlan, ...teams } = goalOf(job);
  const team = round > 0 ? teams.otherTeam : teams.team;
  const good = { decomposing: { plan }, replanning: { plan: otherPlan }, organizing: { team }, synthesizing: { result: 'all good' } };
  return [
    { type: 'child.done', ...child, output: { ok: true, ...good[stage] } },
    { type: 'child.done', ...child, output: { ok: false, error: PERMANENT, issues: [] } },
    { type: 'child.crashed', ...child, cause },
  ];
}

function newsOf(state: SwarmState, record: TaskRecord, ordinal: number, at: number): readonly SwarmEvent[] {
  const id = `t${ordinal}`;
  const { incarnation, leaseId, status, isLive, reserved } = record;
  const news: SwarmEvent[] = [];
  if (isLive) {
    const usage = usageOf(lessCredits(reserved, '2') ? reserved : '2');
    for (const output of outcomes(usage)) news.push({ type: 'child.done', id, incarnation, output, at });
    news.push({ type: 'child.crashed', id, incarnation, cause, at });
    if (status === 'stopping') news.push({ type: 'child.stopped', id, incarnation, at });
    news.push({ type: 'execution.paused', id, epoch: state.pauseEpoch, at });
    news.push({ type: 'execution.waiting', id, at }, { type: 'execution.continued', id, at });
  }
  if (leaseId !== undefined && status === 'leasing') {
    news.push({ type: 'lease.granted', leaseId, agentId: `a${record.leases}`, at }, { type: 'lease.refused', leaseId, error: NOBODY, at });
  } else if (leaseId !== undefined) news.push({ type: 'lease.lost', leaseId, agentId: record.agentId ?? '', error: LOST, at });
  return news;
}

const keyOf = ({
  stage,
  hasHelper,
  planAttempt,
  records,
  ready,
  pauseEpoch,
  obligations,
  failure,
  dueAt,
  deadlineAt,
  round,
  isReplanned,
}: SwarmState): string =>
  JSON.stringify([
    [round, isReplanned, stage, hasHelper, planAttempt, failure !== undefined, dueAt >= deadlineAt],
    records.map((record, ordinal) => [
      [
        record.status,
        record.iteration,
        record.forgiven,
        record.isLive,
        hasOrdinal(ready, ordinal),
        record.pausedIn > 0 && record.pausedIn === pauseEpoch,
      ],
      (record.votes ?? []).map(({ by, decision }) => `${by} ${decision}`).sort(),
      [record.childExecutionId, record.leaseId, record.agentId, record.error].map((value) => value !== undefined),
    ]),
    [...obligations.values()].map(({ status }) => status),
  ]);

export const swarm: Walks<SwarmState, SwarmInput> = {
  chart: swarmMachine.provide({ actors: { nursery: inert() }, actions: { commit: commitOf('tier1') } }),
  fold: folding(evolveSwarm, FRESH_SWARM),
  restored: (input, restored) => ({ ...input, restored }),
  isTerminal: ({ type }) => /^tier1\/swarm\/coordination_(completed|failed|cancelled)$/.test(type),
  restoresTo: { waiting: 'coordinating' },
  inputs: [],
  events: eventsAt,
  key: keyOf,
  isRare: (event) => /cancel|pause$|^xstate|expired/.test(event.type) || isSetback(event as SwarmEvent),
  check: (live) => {
    checkClock(live);
    checkCounts(live.state);
    checkBudget(live.state);
    checkTasks(live);
    checkStory(live.allFacts);
    if (!live.isTorn) checkGoesOn(live);
  },
};

function checkClock({ state, clock, isSettled }: LiveChart<SwarmState, SwarmInput>): void {
  if (state.phase === 'cancelling' || state.phase === 'failing') return;
  const asked = isSettled ? [] : state.records.toArray().map((record) => record.asked?.expiresAt);
  const expiries = asked.filter((expiresAt) => expiresAt !== undefined);
  const due = Math.min(...expiries, ...(isActive(state) ? [state.dueAt] : []));
  assert.equal(clock.nextDueAt, due === Number.POSITIVE_INFINITY ? undefined : Math.max(due, clock.now()), `the timer in ${state.phase}`);
}

function checkCounts(state: SwarmState): void {
  const records = state.records.toArray();
  const tasks = state.plan?.tasks ?? [];
  const count = (holds: (record: TaskRecord) => boolean) => records.filter(holds).length;
  const complexity = tasks.filter((task) => isOpen(state, task) && records[task.ordinal]?.startedAt === 0);
  const counted = {
    leasing: count(({ status }) => status === 'leasing'),
    leased: count(({ status }) => status === 'leased'),
    live: count(({ isLive }) => isLive),
    idle: count(({ isLive, status }) => isLive && status === 'waiting'),
    unsolved: count(({ status }) => status === 'unsolved'),
    escalated: count(({ status }) => status === 'escalated'),
    open: tasks.filter((task) => isOpen(state, task)).length,
    unstartedComplexity: complexity.reduce((sum, task) => sum + task.complexity, 0),
    reservedCredits: records.map(({ reserved }) => reserved).reduce(addCredits, '0'),
  };
  const { leasing, leased, live, idle, unsolved, escalated, open, unstartedComplexity, reservedCredits } = state;
  assert.deepEqual({ leasing, leased, live, idle, unsolved, escalated, open, unstartedComplexity, reservedCredits }, counted);
  if (state.phase !== 'pausing' && state.phase !== 'paused') return;
  assert.equal(
    state.parked,
    count(({ isLive, pausedIn }) => isLive && pausedIn === state.pauseEpoch),
    'parked runs',
  );
}

const isOpen = ({ records }: SwarmState, { ordinal }: SwarmTask): boolean =>
  !['completed', 'failed', 'cancelled'].includes(records.get(ordinal)?.status ?? 'pending');

function checkBudget({ job, reservedCredits, usage }: SwarmState): void {
  const { allocation } = job ?? assert.fail('a swarm without a job');
  assert.ok(BigInt(reservedCredits) >= 0n, 'less than nothing is reserved');
  const bound = addCredits(reservedCredits, usage.creditsUsed);
  assert.ok(BigInt(bound) <= BigInt(allocation.maxCredits), `${bound} credits are bound, there are ${allocation.maxCredits}`);
}

/** Nothing runs that should not: too much at once, before its time, in a pause, forbidden, after the end. */
function checkTasks({ state, isSettled }: LiveChart<SwarmState, SwarmInput>): void {
  const { leasing, leased, live, phase } = state;
  const most = state.job?.maxConcurrentTasks ?? 0;
  if (phase === 'coordinating') assert.ok(leasing + leased + live <= most, 'more tasks at once than allowed');
  if (isSettled) assert.equal(live, 0, 'settled, but a run lives');
  for (const task of state.plan?.tasks ?? []) {
    const record = state.records.get(task.ordinal) ?? assert.fail('a task without a record');
    const isStopping = record.status === 'stopping';
    if (phase === 'paused' && record.isLive && !isStopping)
      assert.equal(record.pausedIn, state.pauseEpoch, `paused, but "${task.id}" is not`);
    if (isSettled) assert.equal(record.childExecutionId, undefined, `settled, but the run of "${task.id}" has no end`);
    assert.ok(record.iteration - record.forgiven <= task.maxAgents, `"${task.id}" was given to too many agents`);
    if (record.leases === (state.earlier.get(task.id)?.leases ?? 0)) continue;
    assert.ok(!state.team?.tasks[task.id]?.violation, `a norm forbids "${task.id}"`);
    const isReleased = task.dependsOn.every((ordinal) => (state.records.get(ordinal)?.settledAt ?? 0) > 0);
    assert.ok(isReleased, `"${task.id}" asked for an agent before its dependencies settled`);
  }
}

/** A task settles once, and nothing is said of it after that. Every request gets at most one answer, every lease is lost at most once. */
function checkStory(facts: readonly FactBody[]): void {
  const settled = new Set<number>();
  const completed = new Set<number>();
  const leases = new Map<string, string>();
  for (const fact of facts as readonly SwarmFact[]) {
    if (fact.type === 'tier1/swarm/decomposed') for (const ordinal of settled) if (!completed.has(ordinal)) settled.delete(ordinal);
    if (!/^tier1\/(task|lease)\//.test(fact.type)) continue;
    const {
      ordinal,
      taskId,
      leaseId = '',
    } = fact.payload as { readonly ordinal: number; readonly taskId: string; readonly leaseId?: string };
    assert.ok(!settled.has(ordinal), `${fact.type} of "${taskId}", which had settled`);
    if (/^tier1\/task\/(completed|failed|cancelled)$/.test(fact.type)) settled.add(ordinal);
    if (fact.type === 'tier1/task/completed') completed.add(ordinal);
    if (leaseId === '') continue;
    const before = leases.get(leaseId);
    const may = {
      requested: [undefined],
      withdrawn: ['requested'],
      granted: ['requested'],
      refused: ['requested'],
      lost: ['requested', 'granted'],
    };
    const now = fact.type.slice('tier1/lease/'.length) as keyof typeof may;
    assert.ok((may[now] as readonly unknown[]).includes(before), `the lease ${leaseId} was ${before}, then ${now}`);
    leases.set(leaseId, now);
  }
}

/** Somebody can always move the swarm on: a helper, a run, the pool, or a person. */
function checkGoesOn({ state }: LiveChart<SwarmState, SwarmInput>): void {
  const { phase, hasHelper, live, leasing, leased, idle, ready, obligations, escalated } = state;
  const isAsking = obligations.some(({ status }) => status === 'escalated');
  const moves = {
    decomposing: hasHelper,
    organizing: hasHelper,
    synthesizing: hasHelper,
    coordinating: leasing > 0 || live > idle,
    replanning: hasHelper || leasing > 0 || live > idle,
    waiting: idle > 0 || isAsking || escalated > 0,
    pausing: hasHelper || live > state.parked,
    cancelling: live > 0,
    failing: live > 0,
  };
  assert.ok(Object.hasOwn(moves, phase) ? moves[phase as keyof typeof moves] : true, `the swarm is stuck in ${phase}`);
  if (phase === 'coordinating' || phase === 'waiting') {
    assert.equal(leased, 0, 'an agent is held, and nothing is started');
    const isFull = leasing + live >= (state.job?.maxConcurrentTasks ?? 0);
    assert.ok(ready.size === 0 || isFull, 'a task is ready, there is room, and nobody is asked');
  }
}

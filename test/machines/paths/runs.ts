/** Runs under test: what they may hear, and what must hold of them beside what holds of every chart. */

import assert from 'node:assert/strict';
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { freeOf, NONE, plus } from '../../../src/machines/ledger.ts';
import { evolveRun, type RunInput, type RunState, runMachine, type StepRecord } from '../../../src/machines/machines.ts';
import type { Decision } from '../../../src/machines/protocol/decision.ts';
import { executionError } from '../../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION, NO_USAGE, type ResourceAllocation } from '../../../src/machines/protocol/execution.ts';
import type { FactBody } from '../../../src/machines/protocol/facts.ts';
import type { Fallback } from '../../../src/machines/protocol/plan.ts';
import type { RunCommand, RunFact, RunJob, RunReport } from '../../../src/machines/protocol/run.ts';
import type { StepOutcome } from '../../../src/machines/protocol/step.ts';
import { childKind } from '../../../src/machines/run.jobs.ts';
import { FRESH_RUN } from '../../../src/machines/run.state.ts';
import type { Expiry } from '../../../src/machines/votes.ts';
import { timersOf } from '../../../src/testing/paths.ts';
import type { Pick } from '../../../src/testing/random.ts';
import { anExecution, BORN_AT, PERMANENT, TRANSIENT, usageOf } from './jobs.ts';
import { commitOf, folding, inert, type LiveChart } from './live-chart.ts';
import { OWN, planOf, type StepSpec, UNRESOLVED, WHEN } from './plans.ts';
import type { Walks } from './walks.ts';

/** By job: types of events that it never hears. */
const deafJobs = new WeakMap<RunJob, RegExp>();

export function deafTo(deaf: RegExp, input: RunInput): RunInput {
  deafJobs.set(input.job, deaf);
  return input;
}

export function aRun(specs: readonly StepSpec[], allocation: Partial<ResourceAllocation> = {}, more: Partial<RunJob> = {}): RunInput {
  const execution = anExecution('run');
  const job = { execution, plan: planOf(specs), input: {}, allocation: { ...DEFAULT_ALLOCATION, ...allocation }, recovery: {}, ...more };
  return { execution, job, at: BORN_AT };
}

const usage = usageOf('2');
const OUTCOMES: readonly StepOutcome[] = [
  { status: 'completed', output: true, attempts: 1, usage },
  { status: 'completed', output: false, attempts: 1, usage },
  { status: 'skipped', output: null, attempts: 1, usage },
  { status: 'failed', output: null, error: TRANSIENT, attempts: 2, usage },
  { status: 'failed', output: null, error: PERMANENT, attempts: 1, usage },
  { status: 'cancelled', output: null, reason: 'enough', attempts: 1, usage },
];
const DECISIONS: readonly Decision[] = [
  { decision: 'approve', value: 'ok', by: 'Ann' },
  { decision: 'reject' },
  { decision: 'retry' },
  { decision: 'abort' },
];
/** A person who retries for ever makes paths without end. */
const MOST_ITERATIONS = 2;

function eventsAt(snapshot: AnyMachineSnapshot, at: number): readonly EventObject[] {
  const { job, state } = snapshot.context as { readonly job: RunJob; readonly state: RunState };
  const expiries: Expiry[] = [];
  const commands: RunCommand[] = [
    { type: 'execution.pause', epoch: 0, at },
    { type: 'execution.resume', at },
    { type: 'execution.cancel', at, reason: 'enough' },
    { type: 'run.set', at, name: 'limit', value: 3 },
    { type: 'run.decide', at, stepId: 'nobody', decision: { decision: 'approve' } },
  ];
  // Somebody above asks: the same for every plan, so the smallest ones are enough.
  if (job.plan.steps.length === 1) commands.push({ type: 'execution.pause', epoch: 4, at });
  const listens = job.plan.steps.some(({ work }) => work.kind === 'wait' && work.for.type === 'signal');
  if (listens && state.keptSignals < 1) commands.push({ type: 'run.signal', at, name: 'go', payload: 1 });
  const cause = { name: 'Error', message: 'boom' };
  const reports: RunReport[] = [
    { type: 'children.started', at },
    { type: 'child.crashed', id: 's0', incarnation: -1, cause, at },
    { type: 'child.done', id: 's0', incarnation: -1, output: OUTCOMES[0] as StepOutcome, at },
    { type: 'execution.paused', id: 's0', epoch: -1, at },
  ];
  state.records.forEach((record, ordinal) => {
    const id = `s${ordinal}`;
    const incarnation = record.iteration + record.crashes;
    if (record.childExecutionId !== undefined) {
      const { type, fallbacks = [] } = job.plan.steps[ordinal] ?? {};
      const outcomes = OUTCOMES.filter(
        ({ output, error }) =>
          (output !== false || type === 'conditional' || type === 'loop') && (error !== PERMANENT || fallbacks.length > 0),
      );
      for (const output of outcomes) reports.push({ type: 'child.done', id, incarnation, output, at });
      reports.push({ type: 'child.crashed', id, incarnation, cause, at }, { type: 'execution.paused', id, epoch: state.pauseEpoch, at });
      const step = job.plan.steps[ordinal];
      if (step && childKind(job, step, record) !== 'executor')
        reports.push({ type: 'execution.waiting', id, at }, { type: 'execution.continued', id, at });
    }
    if (state.phase === 'compensating' && state.undo.last() === ordinal) {
      for (const output of [OUTCOMES[0], OUTCOMES[4], OUTCOMES[5]])
        reports.push({ type: 'child.done', id: `${id}/undo`, incarnation: 1, output: output as StepOutcome, at });
      reports.push({ type: 'child.crashed', id: `${id}/undo`, incarnation: 1, cause, at });
    }
    if (record.status !== 'waiting' && record.waitsFor?.type !== 'approval') return;
    for (const decision of answersTo(record)) {
      if (decision.decision !== 'retry' || record.iteration < MOST_ITERATIONS)
        commands.push({ type: 'run.decide', at, stepId: id, decision });
    }
    const { expiresAt } = record.asked ?? {};
    if (expiresAt === undefined) return;
    expiries.push({ type: 'decision.expired', subject: id, expiresAt: expiresAt + 1 } satisfies Expiry);
    expiries.push({ type: 'decision.expired', subject: id, expiresAt, at: Math.max(expiresAt, at) } as Expiry);
  });
  // What expires before the run does, is heard before.
  const timers = expiries.length === 0 ? timersOf(snapshot) : [];
  const deaf = deafJobs.get(job);
  const events = [...commands, ...reports, ...expiries, ...timers];
  const nameOf = (event: EventObject) => ('decision' in event ? (event.decision as Decision).decision : event.type);
  return deaf ? events.filter((event) => !deaf.test(nameOf(event))) : events;
}

/** Where several must agree: two people who may say the same, one of whom may say something else; and what is not taken. */
function answersTo({ asked, waitsFor }: StepRecord): readonly Decision[] {
  const { quorum = 1, role } = waitsFor?.type === 'approval' ? waitsFor : (asked ?? {});
  if (quorum === 1 && role === undefined) return DECISIONS;
  const as = role === undefined ? {} : { role };
  const named = [
    { decision: 'approve', by: 'Ann' },
    { decision: 'approve', by: 'Bob' },
    { decision: 'abort', by: 'Ann' },
    { decision: 'abort', by: 'Bob' },
    { decision: 'reject', by: 'Bob' },
  ] as const;
  return [...named.map((answer) => ({ ...answer, ...as })), { decision: 'approve' }, { decision: 'approve', by: 'Dan', role: 'other' }];
}

const keyOf = ({ records, ready, live, escalated, parked, failure, idle, keptSignals, undo, askedEpoch }: RunState): string =>
  JSON.stringify([
    records.map(({ status, iteration, crashes, fallback, branch, pausedIn, childExecutionId, isWaiting, answer, votes = [] }) => [
      votes.map(({ by, decision }) => `${by} ${decision}`).sort(),
      isWaiting,
      answer !== undefined,
      status,
      iteration,
      crashes,
      fallback,
      branch,
      pausedIn > 0,
      childExecutionId !== undefined,
    ]),
    [ready.size, live, escalated, parked, idle, keptSignals, undo.size, askedEpoch > 0],
    failure !== undefined,
  ]);

export const run: Walks<RunState, RunInput> = {
  chart: runMachine.provide({ actors: { nursery: inert() }, actions: { commit: commitOf('tier2') } }),
  fold: folding(evolveRun, FRESH_RUN),
  restored: (input, restored) => ({ ...input, restored }),
  isTerminal: ({ type }) => /^tier2\/routine\/(completed|failed|cancelled)$/.test(type),
  hearsLate: true,
  isStale,
  inputs: [],
  events: eventsAt,
  key: keyOf,
  isRare: ({ type }) => type === 'execution.cancel' || type === 'execution.pause' || type.startsWith('xstate.after.'),
  check: (live) => {
    checkClock(live);
    checkCounts(live.state);
    checkBounds(live);
    checkSteps(live.allFacts);
    if (!live.isTorn) checkGoesOn(live);
  },
};

/** Of a child that was replaced or never was. */
function isStale(event: EventObject, { job, records }: RunState): boolean {
  if (event.type !== 'child.done' && event.type !== 'child.crashed') return false;
  const { id, incarnation } = event as Extract<RunReport, { readonly type: 'child.crashed' }>;
  const ordinal = job?.plan.ordinals[id];
  const record = ordinal === undefined ? undefined : records.get(ordinal);
  return record !== undefined && (record.childExecutionId === undefined || record.iteration !== incarnation);
}

function checkClock(live: LiveChart<RunState, RunInput>): void {
  const { phase, dueAt, records } = live.state;
  if (!['running', 'pausing', 'paused', 'waiting'].includes(phase)) return;
  const asked = records.toArray().filter(({ status }) => status === 'waiting');
  const expiries = asked.flatMap(({ asked }) => asked?.expiresAt ?? []);
  const due = Math.min(...expiries, ...(phase === 'running' ? [dueAt] : []));
  live.checkTimer(due === Number.POSITIVE_INFINITY ? undefined : due, `the timer in ${phase}`);
}

function checkCounts(state: RunState): void {
  const records = state.records.toArray();
  const count = (holds: (record: StepRecord) => boolean) => records.filter(holds).length;
  const live = records.filter(({ childExecutionId }) => childExecutionId !== undefined);
  assert.equal(state.live, live.length, 'steps with a living executor');
  assert.equal(
    state.escalated,
    count(({ status }) => status === 'waiting'),
    'steps that wait for a person',
  );
  assert.equal(
    state.idle,
    count(({ isWaiting }) => isWaiting),
    'steps that wait for somebody outside',
  );
  assert.deepEqual(state.reserved, live.map(({ reserved }) => reserved).reduce(plus, NONE), 'what is reserved');
  const open = state.job?.plan.steps.filter(({ parent, ordinal }) => parent === undefined && records[ordinal]?.settledAt === 0).length;
  assert.equal(state.open, open ?? 0, 'top-level steps that have not settled');
  if (state.phase === 'pausing') {
    assert.equal(
      state.parked,
      count(({ pausedIn }) => pausedIn === state.pauseEpoch),
      'parked steps',
    );
  }
}

/** Nothing runs that should not: too much at once, before its time, in a pause, after the end. */
function checkBounds({ state, isSettled }: LiveChart<RunState, RunInput>): void {
  const { plan, allocation } = state.job ?? assert.fail('a run without a job');
  assert.ok(state.live <= allocation.maxConcurrentSteps, 'more steps at once than allowed');
  // Children under test use what they like, but no more than one step and no memory that is not theirs.
  const { credits, steps, memoryMB } = freeOf(allocation, { ...NO_USAGE, stepsExecuted: state.usage.stepsExecuted }, state.reserved);
  assert.ok(BigInt(credits) >= 0n && Math.min(steps, memoryMB) >= 0, 'more is reserved than there is');
  if (isSettled) assert.equal(state.live, 0, 'settled, but a step has a living executor');
  for (const step of plan.steps) {
    const record = state.records.get(step.ordinal) ?? assert.fail('a step without a record');
    const isLive = record.childExecutionId !== undefined;
    if (state.phase === 'paused' && isLive) assert.equal(record.pausedIn, state.pauseEpoch, `paused, but "${step.id}" is not`);
    if (record.iteration === 0) continue;
    const isReleased = step.dependsOn.every((ordinal) => (state.records.get(ordinal)?.settledAt ?? 0) > 0);
    assert.ok(isReleased, `"${step.id}" started before its dependencies settled`);
    const group = step.parent === undefined ? undefined : state.records.get(step.parent);
    assert.equal(step.branch, group?.branch, `"${step.id}" started on a branch that was not taken`);
    const running = step.children.filter((ordinal) => state.records.get(ordinal)?.childExecutionId !== undefined);
    assert.ok(running.length <= (step.maxConcurrency ?? running.length), `more children of "${step.id}" at once than allowed`);
  }
}

/** A step settles once, and neither starts nor falls back after that; while a person is asked, nobody else answers. */
function checkSteps(facts: readonly FactBody[]): void {
  const settled = new Set<number>();
  const asked = new Set<number>();
  for (const fact of facts as readonly RunFact[]) {
    if (!fact.type.startsWith('tier2/step/') || fact.type.startsWith('tier2/step/compensat')) continue;
    const { ordinal, stepId } = fact.payload as { readonly ordinal: number; readonly stepId: string };
    assert.ok(!settled.has(ordinal), `${fact.type} of "${stepId}", which had settled`);
    if (fact.type === 'tier2/step/voted') continue;
    const answers = /^tier2\/step\/(decided|cancelled|expired)$/.test(fact.type);
    assert.ok(answers || !asked.has(ordinal), `${fact.type} of "${stepId}", about which a person was asked`);
    asked.delete(ordinal);
    if (fact.type === 'tier2/step/escalated') asked.add(ordinal);
    const isTakenOver = fact.type === 'tier2/step/reused' && fact.payload.status !== 'entered';
    if (isTakenOver || /(completed|failed|skipped|cancelled)$/.test(fact.type)) settled.add(ordinal);
  }
}

/** Somebody can always move the run on: a child, a person, or the nursery's answer. */
function checkGoesOn({ state, hasCrashed }: LiveChart<RunState, RunInput>): void {
  if (state.phase !== 'running') return;
  const moves = state.live + state.escalated + (hasCrashed ? state.ready.size : 0);
  assert.ok(moves > 0, 'the run is stuck: nothing runs, nobody is asked, and it has not settled');
}

const person = { on: 'any', action: 'escalate-to-human' } as const;
const FALLBACKS: readonly Fallback[] = [
  person,
  { on: 'transient', action: 'use-value', value: 7 },
  { on: 'any', action: 'use-tool', tool: 'cache' },
  { on: 'any', action: 'skip' },
  { on: 'any', action: 'fail' },
];
const refusal = executionError('WORKFLOW_INVALID', 'It has two steps "a"', 'tier2');

/** A run of up to twelve or so steps of any kind. */
export function runFrom(pick: Pick): RunInput {
  const allocation = { maxConcurrentSteps: [1, 2, 20][pick(3)] ?? 1, maxCredits: ['1000', '8', `1${'0'.repeat(30)}`][pick(3)] ?? '8' };
  if (pick(50) === 49) return aRun([], allocation, { refusal });
  const room = { steps: 12 };
  return aRun(stepsFrom(pick, room, 0), allocation);
}

function stepsFrom(pick: Pick, room: { steps: number }, depth: number): StepSpec[] {
  const steps: StepSpec[] = [];
  for (let left = 1 + pick(3); left > 0 && room.steps > 0; left--) {
    room.steps--;
    const common: StepSpec = {
      after: [pick(6), pick(6)].filter((earlier) => earlier < steps.length),
      fallbacks: pick(3) === 0 ? [FALLBACKS[pick(FALLBACKS.length)] ?? person] : [],
      onFailure: pick(2) === 0 ? 'stop' : 'continue',
      onBranchFailure: pick(2) === 0 ? 'collect' : 'fail-fast',
    };
    const kind = pick(depth > 1 ? 6 : 9);
    const own = Object.values(OWN);
    const more: StepSpec[] = [
      {},
      {},
      {},
      { ...own[pick(own.length)], ...(pick(3) === 0 && WHEN) },
      { ...own[pick(own.length)] },
      pick(3) === 0 ? UNRESOLVED : {},
    ];
    if (kind < 6) steps.push({ ...common, ...more[kind] });
    else if (kind < 8)
      steps.push({ ...common, branches: stepsFrom(pick, room, depth + 1), ...(pick(2) === 0 && { maxConcurrency: 1 + pick(2) }) });
    else steps.push({ ...common, then: stepsFrom(pick, room, depth + 1), else: pick(2) === 0 ? [] : stepsFrom(pick, room, depth + 1) });
  }
  return steps;
}

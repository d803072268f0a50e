/** What follows for a supervisor from what it is asked and from what becomes of its children. */

import type { EndReport, StartReport, SupervisedSpec, SupervisorRequest, SupervisorResult } from './protocol/supervisor.ts';
import * as children from './supervisor.children.ts';
import { childAt, childNamed, isLive, type SupervisedRecord } from './supervisor.state.ts';
import {
  type Deferrable,
  MOST_DEFERRED,
  refusal,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorTimer,
  type SupervisorTurn,
} from './supervisor.turn.ts';

type Of<Type extends SupervisorEvent['type']> = Extract<SupervisorEvent, { readonly type: Type }>;
type Request<Type extends SupervisorRequest['type']> = Of<Type> & { readonly requestId: string };

const ENDED = { ok: undefined } as const;
const unknownChild = (id: string) => refusal('NOT_FOUND', `There is no child "${id}"`);
const RUNS_DYNAMIC = refusal('DYNAMIC', 'A dynamic supervisor keeps no specifications of its children');

export function begin(turn: SupervisorTurn): void {
  turn.say('supervisor/starting', { spec: turn.spec });
  children.startFrom(turn, turn.state.first);
}

/** It is for the child that is being started or stopped, in its present life. */
export function isAwaited({ state }: SupervisorContext, event: SupervisorEvent): boolean {
  const record = childAt(state, state.current);
  const { id, incarnation } = event as EndReport;
  return record !== undefined && record.spec.id === id && record.incarnation === incarnation;
}

/** While anything waits, whatever comes waits behind it. */
export const mustWait = ({ deferred, isNext }: SupervisorContext): boolean => deferred.size > 0 && !isNext;

export function defer(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  if ('requestId' in event && turn.deferred.size >= MOST_DEFERRED) {
    turn.reply(event, refusal('RESOURCE_EXHAUSTED', `${MOST_DEFERRED} requests wait already`));
    return;
  }
  turn.deferred = turn.deferred.push(event as Deferrable);
}

export function dropStale(turn: SupervisorTurn): void {
  turn.isStale = true;
}

export function recordStarted(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { id, incarnation } = event as StartReport;
  const record = childNamed(turn.state, id);
  turn.say('supervisor/child_started', { id, incarnation });
  if (record) goOn(turn, record, { ok: { id } });
}

export function recordIgnored(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { id } = event as StartReport;
  const record = childNamed(turn.state, id);
  turn.say('supervisor/child_ignored', { id });
  if (record) goOn(turn, record, { ok: { id: undefined } });
}

/** After a start that went well: the next child, or nothing more. */
function goOn(turn: SupervisorTurn, { after }: SupervisedRecord, result: SupervisorResult): void {
  const { phase } = turn.state;
  const isGroup = phase === 'starting' || (phase === 'restarting.starting' && turn.spec.strategy !== 'one-for-one');
  if (isGroup) {
    children.startFrom(turn, after);
    return;
  }
  turn.answer(result);
  children.goIdle(turn);
}

export function recordStartFailed(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { id, incarnation, cause } = event as Of<'child.failed'>;
  const record = childNamed(turn.state, id);
  turn.say('supervisor/child_start_failed', { id, incarnation, cause });
  if (!record) return;
  if (turn.state.phase === 'starting') {
    children.beginStop(turn, { end: 'escalated', reason: 'start-failed', childId: id, cause });
    return;
  }
  if (turn.state.phase === 'restarting.starting') {
    children.tryAgain(turn, record, cause);
    return;
  }
  if (turn.asked?.isNew && childNamed(turn.state, id)) turn.say('supervisor/child_deleted', { id });
  turn.answer(refusal('START_FAILED', `The child "${id}" failed to start`, cause));
  children.goIdle(turn);
}

/** A child has ended on its own, while nothing else is going on. */
export function heedEnd(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const report = event as EndReport;
  const record = childNamed(turn.state, report.id);
  if (!record || !children.bury(turn, report)) return;
  const { restart, significant, id } = record.spec;
  const hasCrashed = report.type === 'child.crashed';
  if (restart === 'permanent' || (restart === 'transient' && hasCrashed)) {
    children.restartAfterEnd(turn, record, hasCrashed ? report.cause : undefined);
    return;
  }
  const isDynamic = turn.spec.template !== undefined;
  if (isDynamic && restart === 'transient') turn.say('supervisor/child_deleted', { id });
  if (significant && endsAll(turn)) children.beginStop(turn, { end: 'stopped', reason: 'auto-shutdown', childId: id });
}

/** After the end of a significant child. */
const endsAll = ({ spec: { autoShutdown }, state }: SupervisorTurn): boolean =>
  autoShutdown === 'any-significant' || (autoShutdown === 'all-significant' && state.significant === 0);

export function isKnownEnd({ state }: SupervisorContext, event: SupervisorEvent): boolean {
  const { id, incarnation } = event as EndReport;
  const record = childNamed(state, id);
  return record !== undefined && isLive(record) && record.incarnation === incarnation;
}

export function isDue({ state }: SupervisorContext, event: SupervisorEvent): boolean {
  const { id, incarnation } = event as Extract<SupervisorTimer, { type: 'restart.due' }>;
  const record = childNamed(state, id);
  return record?.status === 'restarting' && record.incarnation === incarnation;
}

export function restart(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { id, isCounted, cause } = event as Of<'restart.due'>;
  const record = childNamed(turn.state, id);
  if (record && (isCounted || children.countRestart(turn, record, cause))) children.beginRestart(turn, id);
}

/** A child that was to be stopped has ended. */
export function recordStopped(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const record = childNamed(turn.state, (event as EndReport).id);
  children.bury(turn, event as EndReport);
  turn.disarm('deadline');
  if (turn.state.phase === 'restarting.stopping') {
    children.stopGroup(turn);
    return;
  }
  if (record) forgetDynamic(turn, record);
  turn.answer(ENDED);
  children.goIdle(turn);
}

function forgetDynamic(turn: SupervisorTurn, { spec: { id } }: SupervisedRecord): void {
  if (turn.spec.template && childNamed(turn.state, id)) turn.say('supervisor/child_deleted', { id });
}

/** While the supervisor stops, any child may end. */
export function recordEndWhileStopping(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { current } = turn.state;
  if (!children.bury(turn, event as EndReport)) return;
  if (turn.spec.template) {
    children.endIfEmpty(turn);
    return;
  }
  if (current !== undefined && turn.state.current === undefined) {
    turn.disarm('deadline');
    children.stopNext(turn);
  }
}

export function kill(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { id } = event as Of<'deadline.due'>;
  if (id === undefined) {
    turn.say('supervisor/children_killed', {});
    turn.commands.push({ type: 'children.kill' });
    return;
  }
  const record = childNamed(turn.state, id);
  if (!record) return;
  turn.say('supervisor/child_killed', { id, incarnation: record.incarnation });
  turn.commands.push({ type: 'child.kill', id, incarnation: record.incarnation });
}

export const stop = (turn: SupervisorTurn): void => children.beginStop(turn, { end: 'stopped', reason: 'asked' });

export function refuseStopped(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  turn.reply(event as Request<SupervisorRequest['type']>, refusal('STOPPED', 'The supervisor is stopping'));
}

export function addChild(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const request = event as Request<'supervisor.start_child'>;
  const spec = specOf(turn, request);
  const known = childNamed(turn.state, spec.id);
  if (known) {
    const isRunning = isLive(known);
    turn.reply(
      request,
      refusal(
        isRunning ? 'ALREADY_STARTED' : 'ALREADY_PRESENT',
        `There is a child "${spec.id}" already, which ${isRunning ? 'runs' : 'does not run'}`,
      ),
    );
    return;
  }
  if (turn.state.ordinals.size >= turn.spec.maxChildren) {
    turn.reply(request, refusal('RESOURCE_EXHAUSTED', `The supervisor has ${turn.spec.maxChildren} children, and may have no more`));
    return;
  }
  if (spec.significant && (spec.restart === 'permanent' || turn.spec.autoShutdown === 'never')) {
    turn.reply(request, refusal('INVALID_SPEC', `The child "${spec.id}" cannot be significant`));
    return;
  }
  turn.asked = { requestId: request.requestId, isNew: true };
  turn.say('supervisor/child_added', { spec });
  const record = childNamed(turn.state, spec.id);
  if (record) children.startChild(turn, record);
}

function specOf({ spec: { template }, state }: SupervisorTurn, { spec }: Request<'supervisor.start_child'>): SupervisedSpec {
  if (!template) return spec as SupervisedSpec;
  let number = state.nextOrdinal + 1;
  while (spec.id === undefined && state.ordinals.has(`${template.id}/${number}`)) number++;
  return { ...template, id: spec.id ?? `${template.id}/${number}`, ...(spec.input !== undefined && { input: spec.input }) };
}

export function terminateChild(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const request = event as Request<'supervisor.terminate_child'>;
  const record = childNamed(turn.state, request.id);
  if (!record) {
    turn.reply(request, unknownChild(request.id));
    return;
  }
  if (isLive(record)) {
    turn.asked = { requestId: request.requestId, isNew: false };
    children.stopChild(turn, record);
    return;
  }
  if (record.status === 'restarting') {
    children.giveUpRestart(turn, record);
    forgetDynamic(turn, record);
  }
  turn.reply(request, ENDED);
}

export function restartChild(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const request = event as Request<'supervisor.restart_child'>;
  const record = atRest(turn, request);
  if (!record) return;
  turn.asked = { requestId: request.requestId, isNew: false };
  children.startChild(turn, record);
}

export function deleteChild(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const request = event as Request<'supervisor.delete_child'>;
  if (!atRest(turn, request)) return;
  turn.say('supervisor/child_deleted', { id: request.id });
  turn.reply(request, ENDED);
}

/** The child, if it does not run and will not on its own; otherwise the request is refused. */
function atRest(
  turn: SupervisorTurn,
  request: Request<'supervisor.restart_child' | 'supervisor.delete_child'>,
): SupervisedRecord | undefined {
  const { id } = request;
  const record = childNamed(turn.state, id);
  if (turn.spec.template) turn.reply(request, RUNS_DYNAMIC);
  else if (!record) turn.reply(request, unknownChild(id));
  else if (isLive(record)) turn.reply(request, refusal('RUNNING', `The child "${id}" runs`));
  else if (record.status === 'restarting') turn.reply(request, refusal('RESTARTING', `The child "${id}" is about to be started again`));
  else return record;
  return undefined;
}

export function listChildren(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { state } = turn;
  const listed = [];
  for (let record = childAt(state, state.first); record; record = childAt(state, record.after)) {
    listed.push({ id: record.spec.id, type: record.spec.type, status: record.status });
  }
  turn.reply(event as Request<'supervisor.which_children'>, { ok: listed });
}

export function countChildren(turn: SupervisorTurn, _: SupervisorContext, event: SupervisorEvent): void {
  const { live: active, supervisors, ordinals } = turn.state;
  const specs = turn.spec.template ? 1 : ordinals.size;
  turn.reply(event as Request<'supervisor.count_children'>, {
    ok: { specs, active, supervisors, workers: ordinals.size - supervisors },
  });
}

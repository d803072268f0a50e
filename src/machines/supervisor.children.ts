/** How a supervisor starts, restarts and stops its children, one after the other. */

import { backoffMs } from './backoff.ts';
import type { Cause, EndReport, StartReport, SupervisorOutcome } from './protocol/supervisor.ts';
import { childAt, isLive, type SupervisedRecord } from './supervisor.state.ts';
import { NONE_DEFERRED, refusal, type SupervisorTurn } from './supervisor.turn.ts';

const STOPPED = refusal('STOPPED', 'The supervisor is stopping');

/** Everything is done: what waited is next. */
export const goIdle = (turn: SupervisorTurn): void => turn.say('supervisor/supervising', {});

export function startChild(turn: SupervisorTurn, { spec: { id, src, input }, incarnation: last }: SupervisedRecord): void {
  const incarnation = last + 1;
  turn.say('supervisor/child_starting', { id, incarnation });
  turn.commands.push({ type: 'child.start', id, src, incarnation, input });
}

/** Goes on with this child; the others follow when it has started. */
export function startFrom(turn: SupervisorTurn, ordinal: number | undefined): void {
  const record = childAt(turn.state, ordinal);
  if (record) startChild(turn, record);
  else goIdle(turn);
}

export function stopChild(turn: SupervisorTurn, { spec: { id, shutdown }, incarnation }: SupervisedRecord): void {
  if (shutdown === 'brutal') {
    turn.say('supervisor/child_stopping', { id, incarnation, how: 'forced' });
    turn.commands.push({ type: 'child.kill', id, incarnation });
    return;
  }
  const due = shutdown === 'infinity' ? {} : { dueAt: turn.at + shutdown };
  turn.say('supervisor/child_stopping', { id, incarnation, how: 'asked', ...due });
  turn.commands.push({ type: 'child.stop', id, incarnation });
  if (due.dueAt !== undefined) turn.arm({ type: 'deadline.due', id, at: due.dueAt });
}

/** It was to be started again; now it is not. */
export function giveUpRestart(turn: SupervisorTurn, { spec: { id }, incarnation }: SupervisedRecord): void {
  turn.say('supervisor/child_ended', { id, incarnation, how: 'stopped' });
  turn.disarm(`restart/${id}`);
}

/** Restarts that count, with one more now. */
function restartsOf({ at, spec: { intensity }, state }: SupervisorTurn): number {
  const since = at - intensity.withinMs;
  let known = state.restarts;
  while ((known.first() ?? since) < since) known = known.shift();
  return known.size + 1;
}

const restMs = ({ spec: { backoff, name } }: SupervisorTurn, id: string, restarts: number): number =>
  backoff ? backoffMs(backoff, restarts, `${name}/${id}`) : 0;

/** Counts a restart and escalates if it is one too many; whether it may go on. */
export function countRestart(turn: SupervisorTurn, { spec: { id } }: SupervisedRecord, cause?: Cause): boolean {
  const restarts = restartsOf(turn);
  if (restarts <= turn.spec.intensity.maxRestarts) {
    turn.say('supervisor/restart_counted', { id, restarts });
    return true;
  }
  if (turn.spec.template) turn.say('supervisor/child_deleted', { id });
  beginStop(turn, { end: 'escalated', reason: 'intensity', childId: id, ...(cause && { cause }) });
  return false;
}

/** After an end: at once, unless there is a backoff. */
export function restartAfterEnd(turn: SupervisorTurn, record: SupervisedRecord, cause?: Cause): void {
  if (!countRestart(turn, record, cause)) return;
  const { id } = record.spec;
  const delayMs = restMs(turn, id, turn.state.restarts.size);
  if (delayMs === 0) beginRestart(turn, id);
  else putOff(turn, record, delayMs, { isCounted: true });
}

/** After a failed start: in a later turn, so that a stop gets in between. It counts when it begins. */
export function tryAgain(turn: SupervisorTurn, record: SupervisedRecord, cause: Cause): void {
  putOff(turn, record, restMs(turn, record.spec.id, restartsOf(turn)), { isCounted: false, cause });
  goIdle(turn);
}

function putOff(
  turn: SupervisorTurn,
  { spec: { id }, incarnation }: SupervisedRecord,
  delayMs: number,
  more: { readonly isCounted: boolean; readonly cause?: Cause },
): void {
  const dueAt = turn.at + delayMs;
  turn.say('supervisor/restart_put_off', { id, dueAt });
  turn.arm({ type: 'restart.due', id, incarnation, at: dueAt, ...more });
}

export function beginRestart(turn: SupervisorTurn, id: string): void {
  turn.say('supervisor/restarting', { id });
  stopGroup(turn);
}

/** Stops the next of those that the restart concerns; starts the first when all are stopped. */
export function stopGroup(turn: SupervisorTurn): void {
  const { culprit } = turn.state;
  const { strategy } = turn.spec;
  if (strategy !== 'one-for-one') {
    const lowest = strategy === 'rest-for-one' ? (culprit ?? 0) : 0;
    let record = childAt(turn.state, turn.state.cursor);
    while (record && record.ordinal >= lowest) {
      if (isLive(record)) {
        stopChild(turn, record);
        return;
      }
      if (record.status === 'restarting') giveUpRestart(turn, record);
      record = childAt(turn.state, record.before);
    }
  }
  startFrom(turn, strategy === 'one-for-all' ? turn.state.first : culprit);
}

/** From here the supervisor only ends. Whoever waits for an answer gets one. */
export function beginStop(turn: SupervisorTurn, outcome: SupervisorOutcome): void {
  const { template } = turn.spec;
  turn.answer(STOPPED);
  const waiting = turn.deferred;
  turn.deferred = NONE_DEFERRED;
  const dueAt = template && typeof template.shutdown === 'number' ? { dueAt: turn.at + template.shutdown } : {};
  turn.say('supervisor/stopping', { ...outcome, ...dueAt });
  for (const event of waiting) {
    if ('requestId' in event) turn.reply(event, STOPPED);
    else if ('incarnation' in event && event.type !== 'restart.due') bury(turn, event);
  }
  if (!template) {
    stopNext(turn);
    return;
  }
  if (turn.state.live > 0) turn.commands.push({ type: template.shutdown === 'brutal' ? 'children.kill' : 'children.stop' });
  if (dueAt.dueAt !== undefined) turn.arm({ type: 'deadline.due', at: dueAt.dueAt });
  endIfEmpty(turn);
}

export function stopNext(turn: SupervisorTurn): void {
  const { current, cursor } = turn.state;
  if (childAt(turn.state, current)?.status === 'stopping') return;
  let record = childAt(turn.state, cursor);
  while (record && !isLive(record)) record = childAt(turn.state, record.before);
  if (record) stopChild(turn, record);
  else end(turn);
}

export function endIfEmpty(turn: SupervisorTurn): void {
  if (turn.state.live === 0) end(turn);
}

function end(turn: SupervisorTurn): void {
  turn.disarm('deadline');
  const { outcome } = turn.state;
  if (outcome) turn.say(outcome.end === 'stopped' ? 'supervisor/stopped' : 'supervisor/escalated', outcome);
}

const HOW = {
  'child.done': 'done',
  'child.ignored': 'done',
  'child.crashed': 'crashed',
  'child.failed': 'crashed',
  'child.stopped': 'stopped',
  'child.started': undefined,
} as const;

/** A child's end, however it came; false when it is no news. */
export function bury(turn: SupervisorTurn, event: EndReport | StartReport): boolean {
  const record = childAt(turn.state, turn.state.ordinals.get(event.id));
  const how = HOW[event.type];
  if (!record || !how || !isLive(record) || record.incarnation !== event.incarnation) return false;
  const { id, incarnation } = event;
  turn.say('supervisor/child_ended', { id, incarnation, how, ...('cause' in event && { cause: event.cause }) });
  return true;
}

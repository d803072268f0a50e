/** How an execution is shown: where it stands, its parts, what waits, what it used. */

import { stringify } from 'yaml';
import type { ExecutionError, Json } from '../../machines/protocol/execution.ts';
import type { PendingDecision } from '../../runtime/approvals.ts';
import type { ExecutionSnapshot } from '../../runtime/execution/snapshot.ts';
import type { SwarmSnapshot } from '../../runtime/execution/swarm-snapshot.ts';
import type { Replay, StatusChange } from '../../runtime/journal/replay.ts';
import type { Kept } from '../execute.ts';
import type { Summary } from '../journal/executions.ts';
import { isSwarm, type Root } from '../journal/root-state.ts';
import { oneLine, printDuration, shellWord } from '../outcome.ts';
import { labelOf, pathOf } from '../progress/names.ts';
import { table } from '../table.ts';
import { printStanding } from './executions.ts';
import { nextCommand } from './next-command.ts';

const DOCUMENT_VERSION = 1;

/** An execution, and what its facts come to. */
export interface Shown {
  readonly summary: Summary;
  /** Absent of one that cannot be read. */
  readonly snapshot?: Root['snapshot'];
  readonly questions: readonly PendingDecision[];
}

export const shownDocument = ({ summary, snapshot, questions }: Shown, kept: Kept): string =>
  JSON.stringify({
    v: DOCUMENT_VERSION,
    ...summary,
    snapshot: snapshot ?? null,
    questions,
    next: nextCommand(summary, kept) ?? null,
  });

/** What was true after one of its facts. */
export interface ShownPast {
  readonly name: string;
  readonly replay: Replay;
  readonly questions: readonly PendingDecision[];
}

export const pastDocument = ({ name, replay: { fact, facts, executions, changes }, questions }: ShownPast): string =>
  JSON.stringify({
    v: DOCUMENT_VERSION,
    executionId: fact.stream,
    name,
    status: executions[0]?.snapshot.status ?? null,
    seq: fact.seq,
    total: facts,
    at: fact.at,
    fact: fact.type,
    changes,
    executions,
    questions,
  });

export function pastLines({ name, replay: { fact, facts, executions, changes }, questions }: ShownPast): readonly string[] {
  const [root] = executions;
  return [
    `${shellWord(fact.stream)}  ${oneLine(name)} after fact ${fact.seq} of ${facts}: ${root?.snapshot.status ?? ''}`,
    `${oneLine(fact.type)}, ${time(fact.at)}`,
    ...changes.map((change) => `changed: ${changeLine(change, fact.stream)}`),
    ...(root && root.kind !== 'wait' ? details(root.snapshot, questions) : []),
  ];
}

function changeLine({ executionId, stepId, taskId, from, to }: StatusChange, root: string): string {
  const part = stepId ?? taskId;
  const label = labelOf(part === undefined ? pathOf(executionId, root) : [...pathOf(executionId, root), part]);
  return `${oneLine(label) || 'the whole'} ${from === undefined ? '' : `${from} → `}${to}`;
}

export function shownLines({ summary, snapshot, questions }: Shown): readonly string[] {
  const { executionId, kind, name, startedAt, changedAt, damage } = summary;
  const times = [`started ${time(startedAt)}`, `changed ${time(changedAt)}`];
  return [
    `${shellWord(executionId)}  ${kind} ${oneLine(name)}: ${printStanding(summary)}`,
    `${times.join(', ')}, ${summary.seq} facts`,
    ...(damage === null ? [] : [`damaged: ${oneLine(damage, 2_000)}`]),
    ...(snapshot ? details(snapshot, questions) : []),
  ];
}

const details = (snapshot: Root['snapshot'], questions: readonly PendingDecision[]): readonly string[] => [
  ...insides(snapshot),
  ...(questions.length > 0 ? ['', ...questions.map(questionLine)] : []),
  ...ending(snapshot),
];

const time = (at: number): string => new Date(at).toISOString();

function insides(snapshot: Root['snapshot']): readonly string[] {
  const lines = isSwarm(snapshot) ? tasksOf(snapshot) : stepsOf(snapshot);
  return lines.length === 0 ? [] : ['', ...table(lines)];
}

const LONGEST_CELL = 100;

function stepsOf({ steps }: ExecutionSnapshot): readonly (readonly string[])[] {
  if (steps.length === 0) return [];
  return [
    ['STEP', 'STATUS', 'ATTEMPTS', 'TOOK', 'RESULT'],
    ...steps.map(({ id, status, attempts, startedAt, settledAt, result, error }) => [
      oneLine(id, 60),
      status,
      String(attempts),
      took(startedAt, settledAt),
      outcome(result, error),
    ]),
  ];
}

function tasksOf({ tasks }: SwarmSnapshot): readonly (readonly string[])[] {
  if (tasks.length === 0) return [];
  return [
    ['TASK', 'STATUS', 'AGENT', 'TOOK', 'RESULT'],
    ...tasks.map(({ id, status, agentId, startedAt, settledAt, result, error }) => [
      oneLine(id, 60),
      status,
      oneLine(agentId ?? '-', 60),
      took(startedAt, settledAt),
      outcome(result, error),
    ]),
  ];
}

const took = (from: number | undefined, to: number | undefined): string =>
  from === undefined || to === undefined ? '-' : printDuration(to - from);

const outcome = (result: Json | undefined, error: ExecutionError | undefined): string =>
  error ? oneLine(`${error.code}: ${error.message}`, LONGEST_CELL) : result === undefined ? '' : oneLine(printShort(result), LONGEST_CELL);

const printShort = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

const questionLine = ({ id, prompt, role, quorum, votes }: PendingDecision): string => {
  const who = [role === undefined ? '' : `as ${oneLine(role)}`, quorum > 1 ? `${votes.length} of ${quorum} answers` : ''].filter(Boolean);
  return `asks ${shellWord(id)}${who.length > 0 ? ` (${who.join(', ')})` : ''}: ${oneLine(prompt)}`;
};

function ending({ status, result, error, usage }: Root['snapshot']): readonly string[] {
  const { creditsUsed, tokensUsed, stepsExecuted, durationMs } = usage;
  const used = [
    `${stepsExecuted} step${stepsExecuted === 1 ? '' : 's'} executed`,
    printDuration(durationMs),
    ...(creditsUsed === '0' ? [] : [`${creditsUsed} credits`]),
    ...(tokensUsed ? [`${tokensUsed} tokens`] : []),
  ];
  return [
    '',
    `used: ${used.join(', ')}`,
    ...(error ? [`error: ${error.code}: ${oneLine(error.message, 2_000)}`] : []),
    ...(status === 'completed' && result !== undefined ? ['result:', indented(result)] : []),
  ];
}

/** As it is, but for what a terminal would obey. */
const indented = (value: Json): string =>
  (typeof value === 'string' ? value : stringify(value, { lineWidth: 0 }).trimEnd()).replace(/[^\P{Cc}\n\t]/gu, '').replace(/^/gm, '  ');

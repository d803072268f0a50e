/** How the executions of a journal are listed. */

import type { Kept } from '../execute.ts';
import type { Selected, Summary } from '../journal/executions.ts';
import type { Holder } from '../journal/runners.ts';
import { oneLine, printSpan, shellWord } from '../outcome.ts';
import { table } from '../table.ts';
import { nextCommand } from './next-command.ts';

const DOCUMENT_VERSION = 1;

export const executionsDocument = ({ executions, left }: Selected, journal: string, holder: Holder | undefined): string =>
  JSON.stringify({ v: DOCUMENT_VERSION, journal, holder: holder ?? null, executions, left });

const HEAD = ['ID', 'KIND', 'NAME', 'STATUS', 'DONE', 'STARTED', 'CHANGED'] as const;

export interface Lines {
  readonly table: readonly string[];
  readonly notes: readonly string[];
}

export function executionsLines({ executions, left }: Selected, kept: Kept, now: number, isFiltered = false): Lines {
  const open = executions.findLast((summary) => nextCommand(summary, kept) !== undefined);
  const next = open && nextCommand(open, kept);
  return {
    table: executions.length === 0 ? [] : table([HEAD, ...executions.map((summary) => row(summary, now))]),
    notes: [
      ...executions
        .filter(({ damage }) => damage !== null)
        .map(({ executionId, damage }) => `${oneLine(executionId)} takes nothing more: ${oneLine(damage ?? '')}`),
      ...(executions.length === 0 ? [`The journal has no execution${isFiltered ? ' of that status' : ''}`] : []),
      ...(left > 0 ? [`${left} older ${left === 1 ? 'one was' : 'ones were'} not looked at: --limit N or --all shows more`] : []),
      ...(next === undefined ? [] : [`next: ${next}`]),
    ],
  };
}

function row({ executionId, kind, name, status, process, steps, startedAt, changedAt }: Summary, now: number): readonly string[] {
  return [
    shellWord(executionId),
    kind,
    oneLine(name, 60),
    printStanding({ status, process }),
    steps.total === 0 ? '-' : `${steps.ended} of ${steps.total}`,
    `${printSpan(now - startedAt)} ago`,
    `${printSpan(now - changedAt)} ago`,
  ];
}

export function printStanding({ status, process }: Pick<Summary, 'status' | 'process'>): string {
  const word = status === 'dead' ? 'dead letter' : status;
  return process === null ? word : `${word} (process ${process})`;
}

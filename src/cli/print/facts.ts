/** How the facts of an execution are listed, one a line. */

import type { Fact } from '../../machines/protocol/facts.ts';
import { oneLine, printDuration } from '../outcome.ts';
import { labelOf, pathOf, runOf } from '../progress/names.ts';
import { table } from '../table.ts';

const DOCUMENT_VERSION = 1;

/** Some of the facts of a stream. */
export interface Page {
  readonly executionId: string;
  readonly facts: readonly Fact[];
  /** Of the first fact of all. Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly total: number;
}

export const pageDocument = ({ executionId, facts, total }: Page): string => {
  const last = facts.at(-1)?.seq ?? total;
  return JSON.stringify({ v: DOCUMENT_VERSION, executionId, total, facts, next: last < total ? last + 1 : null });
};

export const pageLines = ({ executionId, facts, startedAt }: Page): readonly string[] =>
  table([['SEQ', 'AFTER', 'FACT', 'OF'], ...facts.map((fact) => row(fact, executionId, startedAt))]);

function row(fact: Fact, root: string, startedAt: number): readonly string[] {
  const path = pathOf(runOf(fact), root);
  const subject = subjectOf(fact);
  const label = labelOf(subject === undefined ? path : [...path, subject]);
  return [String(fact.seq), `+${printDuration(Math.max(0, fact.at - startedAt))}`, fact.type, oneLine(label, 100)];
}

const SUBJECTS = ['normId', 'taskId', 'stepId', 'name'] as const;

function subjectOf({ payload }: Fact): string | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const found = SUBJECTS.map((key): unknown => Reflect.get(payload, key)).find((value) => typeof value === 'string');
  return found as string | undefined;
}

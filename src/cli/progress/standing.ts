/** What there is to tell of an execution that goes on from a journal, instead of all that led there. */

import { oneLine } from '../outcome.ts';
import { pathOf } from './names.ts';
import type { News } from './news.ts';
import type { Row } from './rows.ts';
import { describeWait } from './words.ts';

/** An obligation that was not met in time, and about which nobody has decided. */
export interface Unmet {
  readonly normId: string;
  readonly role: string;
  readonly mission: string;
  readonly open: readonly string[];
}

export interface Standing {
  readonly root: string;
  readonly running: readonly Row[];
  readonly waiting: readonly Row[];
  readonly unmet: readonly Unmet[];
  /** Of its last fact. */
  readonly at: number;
}

/** A step that is called like the task or the step it belongs to is told with that. */
export function standingNews({ root, running, waiting, unmet, at }: Standing): readonly News[] {
  const own = running.filter(({ id, runId }) => pathOf(runId, root).at(-1) !== id);
  return [
    ...own.map(({ key, label }): News => ({ kind: 'continued', key, label, detail: '' })),
    ...waiting.map(({ key, label, waitsFor, error }): News => {
      const detail = waitsFor ? describeWait(waitsFor, at) : `for a person, after ${oneLine(error?.message ?? '')}`;
      return { kind: 'waiting', key, label, detail };
    }),
    ...unmet.map(unmetNews),
  ];
}

export function unmetNews({ normId, role, mission }: Unmet): News {
  const detail = `"${oneLine(role)}" has not done "${oneLine(mission)}" in time`;
  return { kind: 'waiting', key: `norm/${normId}`, label: oneLine(normId), detail };
}

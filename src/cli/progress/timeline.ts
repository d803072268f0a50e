/** When each step ran, as bars on one scale. */

import { printDuration } from '../outcome.ts';
import type { StepRow } from './step-board.ts';

const WIDTH = 40;

export function timeline(rows: readonly StepRow[]): string {
  const begin = Math.min(...rows.map(({ startedAt }) => startedAt));
  const end = Math.max(...rows.map(({ startedAt, endedAt }) => endedAt ?? startedAt));
  const scale = WIDTH / Math.max(1, end - begin);
  const nameWidth = Math.max(...rows.map(({ stepId }) => stepId.length));
  const lines = rows.map(({ stepId, startedAt, endedAt = startedAt }) => {
    const from = Math.min(WIDTH - 1, Math.floor((startedAt - begin) * scale));
    const length = Math.max(1, Math.min(WIDTH - from, Math.round((endedAt - startedAt) * scale)));
    return `${stepId.padEnd(nameWidth)}  ${`${' '.repeat(from)}${'█'.repeat(length)}`.padEnd(WIDTH)}  ${printDuration(endedAt - startedAt)}`;
  });
  return lines.join('\n');
}

/** What the progress and the timeline say in the same words. */

import type { StepFact } from '../../machines/protocol/step.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';
import { oneLine, printDuration } from '../outcome.ts';

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

type FailedAttempt = Extract<StepFact, { type: 'tier3/attempt/failed' }>['payload'];

export const describeRetry = ({ attempt, error, backoffMs }: FailedAttempt): string =>
  `attempt ${attempt} failed: ${oneLine(error.message)}; again in ${printDuration(backoffMs)}`;

export function describeWait(wait: ResolvedWait, at: number): string {
  switch (wait.type) {
    case 'timer':
      return `for ${printDuration(wait.durationMs)}`;
    case 'time':
      return `for ${printDuration(Math.max(0, wait.at - at))}`;
    case 'signal':
      return `for the signal "${oneLine(wait.name)}"`;
    case 'approval':
      return `for a person${wait.prompt === undefined ? '' : `: ${oneLine(wait.prompt)}`}`;
  }
}

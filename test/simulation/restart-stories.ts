/** Stories of processes that crash and start again, with a run or with swarms, on a disk. Most of them would come to a good end otherwise. */

import type { Pick, Story, ToolOutcome } from '../../src/testing/testing.ts';
import { everyKind, runsWithinRuns } from './stories.ts';
import { sharedAgents, wholeSwarm } from './swarm-stories.ts';

const GOOD: readonly [ToolOutcome, ...ToolOutcome[]] = ['succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'succeed', 'slow', 'fail'];

/** The same story where little goes wrong but the process. */
const steady = ({ crashes: _, ...story }: Story): Story => ({
  ...story,
  allocation: { ...story.allocation, maxCredits: '1000', maxTokens: 100_000, maxSteps: 1_000 },
  tools: (world) => [
    world.tool('work', GOOD, { breaker: false }),
    world.tool('suspendable', [...GOOD, 'checkpoint', 'checkpoint'], { breaker: false, onPause: 'suspend' }),
    world.tool('undo', ['succeed']),
  ],
});

function restarted({ failsAt: _, ...story }: Story, pick: Pick): Story {
  return { ...(pick(4) > 0 ? steady(story) : story), processCrashes: 1 + pick(3) };
}

/** A run, or runs within runs. */
export const restartedRun = (pick: Pick): Story => restarted(pick(2) === 0 ? everyKind(pick) : runsWithinRuns(pick), pick);

/** A swarm, or two that share their agents. */
export const restartedSwarm = (pick: Pick): Story => restarted(pick(3) > 0 ? wholeSwarm(pick) : sharedAgents(pick), pick);

/** Stories of processes that crash and start again: those of runs and of swarms, on a disk. */

import type { Pick, Story } from '../../src/testing/testing.ts';
import { everyKind, runsWithinRuns } from './stories.ts';
import { sharedAgents, wholeSwarm } from './swarm-stories.ts';

const crashing = ({ failsAt: _, ...story }: Story, pick: Pick): Story => ({ ...story, processCrashes: 1 + pick(3) });

/** A run, or runs within runs. */
export const restartedRun = (pick: Pick): Story => crashing(pick(2) === 0 ? everyKind(pick) : runsWithinRuns(pick), pick);

/** A swarm, or two that share their agents. */
export const restartedSwarm = (pick: Pick): Story => crashing(pick(2) === 0 ? wholeSwarm(pick) : sharedAgents(pick), pick);

/** What a journal says about its executions: each in one line, folded from the facts of its root. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionStatus, StepStatus } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { TaskSnapshot } from '../../runtime/execution/swarm-snapshot.ts';
import type { JournalReader, StreamInfo } from '../../runtime/journal/journal.ts';
import { isSwarm, kindOf, type Root, rootAt } from './root-state.ts';
import type { Runners } from './runners.ts';

/** Where an execution stands, in the words of the command line. */
export const STANDINGS = [
  'running',
  'interrupted',
  'paused',
  'waiting',
  'completed',
  'failed',
  'cancelled',
  'dead',
  'quarantined',
] as const;
export type Standing = (typeof STANDINGS)[number];

export interface Summary {
  readonly executionId: string;
  readonly kind: 'workflow' | 'swarm' | 'step';
  /** Id of the workflow or the swarm, name of the tool; empty where it cannot be read. */
  readonly name: string;
  readonly status: Standing;
  /** The process that runs it. */
  readonly process: number | null;
  /** Milliseconds since the epoch, as is the next. */
  readonly startedAt: number;
  readonly changedAt: number;
  /** Number of its last fact. */
  readonly seq: number;
  /** Steps of the workflow, or tasks of the swarm, that have ended, and all there are. */
  readonly steps: { readonly ended: number; readonly total: number };
  /** What is wrong with its facts. */
  readonly damage: string | null;
}

/** Streams of root executions; the others are of services. */
export const isOfExecution = ({ name }: Pick<StreamInfo, 'name'>): boolean => !name.includes('/');

export interface Selection {
  readonly statuses: ReadonlySet<Standing>;
  /** At most so many, the newest. */
  readonly limit: number;
}

export interface Selected {
  /** The newest last. */
  readonly executions: readonly Summary[];
  /** Older ones that may be among those that were asked for. */
  readonly left: number;
}

/** The newest executions of a journal that are as wanted; without statuses all are. */
export async function selectExecutions(reader: JournalReader, { statuses, limit }: Selection, runners: Runners): Promise<Selected> {
  const candidates: StreamInfo[] = [];
  for await (const info of reader.streams()) {
    if (isOfExecution(info) && mayBe(info, statuses)) candidates.push(info);
  }
  const executions: Summary[] = [];
  while (executions.length < limit) {
    const info = candidates.pop();
    if (!info) break;
    const summary = await summaryOf(reader, info, runners);
    if (statuses.size === 0 || statuses.has(summary.status)) executions.push(summary);
  }
  return { executions: executions.reverse(), left: candidates.length };
}

const OF_SETTLED: readonly Standing[] = ['completed', 'failed', 'cancelled'];
const OF_UNSETTLED: readonly Standing[] = ['running', 'interrupted', 'paused', 'waiting'];

/** What need not be folded to be passed over. */
function mayBe({ status, damage }: StreamInfo, wanted: ReadonlySet<Standing>): boolean {
  // What is damaged is often found only when it is read.
  if (wanted.size === 0 || wanted.has('quarantined')) return true;
  if (damage !== undefined) return false;
  if (status === 'dead') return wanted.has('dead');
  return (status === 'settled' ? OF_SETTLED : OF_UNSETTLED).some((standing) => wanted.has(standing));
}

export async function summaryOf(reader: JournalReader, info: StreamInfo, runners: Runners): Promise<Summary> {
  const facts = (await reader.read(info.name)).filter(({ executionId }) => executionId === info.name);
  // What is damaged may be found only when it is read.
  return summarize((await reader.find(info.name)) ?? info, facts, runners);
}

/** `facts`: those of the root are enough. */
export function summarize(info: StreamInfo, facts: readonly Fact[], runners: Runners): Summary {
  const root = readable(facts);
  const process = root && isOpen(info) ? (runners.of(info.name)?.pid ?? null) : null;
  return {
    executionId: info.name,
    kind: root ? kindOf(root) : 'workflow',
    name: root?.name ?? '',
    status: standingOf(info, root, process !== null),
    process,
    startedAt: info.startedAt,
    changedAt: info.changedAt,
    seq: info.seq,
    steps: root ? progressOf(root) : { ended: 0, total: 0 },
    damage: info.damage ?? null,
  };
}

/** Of a damaged stream not even the first fact may be left. */
function readable(facts: readonly Fact[]): Root | undefined {
  try {
    return rootAt(facts);
  } catch (thrown) {
    if (thrown instanceof SwarmchartError) return undefined;
    throw thrown;
  }
}

const isOpen = ({ status, damage }: StreamInfo): boolean => status === 'unsettled' && damage === undefined;

function standingOf({ status, damage }: StreamInfo, root: Root | undefined, isLive: boolean): Standing {
  if (damage !== undefined || !root) return 'quarantined';
  if (status === 'dead') return 'dead';
  const { status: folded } = root.snapshot;
  if (isSettled(folded) || folded === 'paused' || folded === 'waiting') return folded;
  return isLive ? 'running' : 'interrupted';
}

const isSettled = (status: ExecutionStatus): status is 'completed' | 'failed' | 'cancelled' =>
  status === 'completed' || status === 'failed' || status === 'cancelled';

const ENDED: ReadonlySet<StepStatus | TaskSnapshot['status']> = new Set(['completed', 'failed', 'skipped', 'cancelled', 'timed_out']);

function progressOf({ snapshot }: Root): Summary['steps'] {
  const parts = isSwarm(snapshot) ? snapshot.tasks : snapshot.steps;
  return { ended: parts.filter(({ status }) => ENDED.has(status)).length, total: parts.length };
}

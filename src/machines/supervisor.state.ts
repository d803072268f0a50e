/** What a supervisor remembers. All of it persistent; its children are a list in the order of their starts. */

import { List, Map as PersistentMap } from 'immutable';
import type { ChildStatus, SupervisedSpec, SupervisorOutcome, SupervisorSpec } from './protocol/supervisor.ts';

export type SupervisorPhase =
  | 'born'
  | 'starting'
  | 'supervising.idle'
  | 'supervising.adding'
  | 'supervising.removing'
  | 'restarting.stopping'
  | 'restarting.starting'
  | 'stopping'
  | 'stopped'
  | 'escalated';

export interface SupervisedRecord {
  readonly spec: SupervisedSpec;
  /** Counts the children that there ever were, so it grows along the list. */
  readonly ordinal: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly status: ChildStatus;
  /** Of its present life, or of the last; 0 before the first. */
  readonly incarnation: number;
}

export interface SupervisorState {
  readonly phase: SupervisorPhase;
  readonly at: number;
  readonly spec: SupervisorSpec | undefined;
  readonly nextOrdinal: number;
  readonly children: PersistentMap<number, SupervisedRecord>;
  readonly ordinals: PersistentMap<string, number>;
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** Children that start, run or stop. */
  readonly live: number;
  readonly supervisors: number;
  /** Significant children that are not absent. */
  readonly significant: number;
  /** Times of the restarts that count, as far back as the intensity looks. */
  readonly restarts: List<number>;
  /** The one child that is being started or stopped. */
  readonly current: number | undefined;
  /** While a group is stopped: the next to look at. It is left behind by the way down. */
  readonly cursor: number | undefined;
  /** While restarting: the child for which. */
  readonly culprit: number | undefined;
  readonly outcome: SupervisorOutcome | undefined;
}

export const UNBORN_SUPERVISOR: SupervisorState = {
  phase: 'born',
  at: 0,
  spec: undefined,
  nextOrdinal: 0,
  children: PersistentMap(),
  ordinals: PersistentMap(),
  first: undefined,
  last: undefined,
  live: 0,
  supervisors: 0,
  significant: 0,
  restarts: List(),
  current: undefined,
  cursor: undefined,
  culprit: undefined,
  outcome: undefined,
};

export const childAt = (state: SupervisorState, ordinal: number | undefined): SupervisedRecord | undefined =>
  ordinal === undefined ? undefined : state.children.get(ordinal);

export const childNamed = (state: SupervisorState, id: string): SupervisedRecord | undefined => childAt(state, state.ordinals.get(id));

export const isLive = ({ status }: SupervisedRecord): boolean => status === 'starting' || status === 'running' || status === 'stopping';

/** The whole report as data. The same commit gives the same report, byte for byte. */

import type { Inspection } from '../git/inspection.ts';
import type { Ownership } from './bus-factor.ts';
import type { Collection } from './census.ts';
import type { Hotspots } from './churn.ts';
import type { Hygiene } from './housekeeping.ts';
import type { Coupling } from './pairs.ts';
import type { Releases } from './releases.ts';
import type { Timeline } from './timeline.ts';

export interface History extends Timeline {
  readonly releases: Releases;
}

export interface Analyses {
  readonly history: History;
  readonly hotspots: Hotspots;
  readonly coupling: Coupling;
  readonly ownership: Ownership;
  readonly hygiene: Hygiene;
}

export interface Report extends Analyses {
  readonly format: 'repo-report/1';
  readonly repository: Pick<Inspection, 'name' | 'head' | 'branch' | 'isShallow'>;
  readonly log: Omit<Collection, 'spool'>;
  /** What limits the report: read before the figures. */
  readonly notes: readonly string[];
  /** What stands out, in plain language. */
  readonly findings: readonly string[];
}

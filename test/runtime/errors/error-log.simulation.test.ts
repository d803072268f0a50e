/**
 * Whatever a simulated story does, the error log has every failure exactly once, at its innermost place. What is one failure is told here
 * another way than there: a failure that travels upwards is the same object in every fact.
 */

import { describe, expect, it } from 'vitest';
import type { ErrorEntry, ExecutionError, Fact } from '../../../src/index.ts';
import { ErrorLog } from '../../../src/runtime/errors/error-log.ts';
import { SILENT } from '../../../src/runtime/logger.ts';
import { type Pick, type Story, seeded, simulate } from '../../../src/testing/testing.ts';
import { everyKind, runsWithinRuns } from '../../simulation/stories.ts';
import { sharedAgents, wholeSwarm } from '../../simulation/swarm-stories.ts';

const SEEDS = Number(process.env['ERROR_LOG_SEEDS'] ?? 60);

const STORIES: readonly (readonly [string, (pick: Pick) => Story])[] = [
  ['a run', everyKind],
  ['runs within runs', runsWithinRuns],
  ['a swarm', wholeSwarm],
  ['swarms that share agents', sharedAgents],
];

interface Payload {
  readonly error?: ExecutionError;
  readonly target?: string;
  readonly kind?: string;
}
const errorOf = (fact: Fact): ExecutionError | undefined => (fact.payload as Payload).error;

/** Numbers of the facts in which a failure is heard for the first time. */
function firsts(facts: readonly Fact[]): readonly string[] {
  const heard = new Set<unknown>();
  const ends = new Map<string, string>();
  return facts.flatMap((fact) => {
    const error = errorOf(fact);
    if (fact.type === 'tier1/obligation/unmet') return [fact.id];
    // An agent's loss is one object for all who had leased it; here nobody has heard of the agent itself.
    if (fact.type === 'tier1/lease/lost') {
      heard.add(error);
      return [fact.id];
    }
    // A crash that was mended has no error, only a cause.
    if (fact.type === 'tier2/step/restarted') return [fact.id];
    if (!error || error.code === 'OBLIGATION_UNMET' || isOfGroup(error)) return [];
    // A run adds to its error which compensations failed.
    const isKnown = heard.has(error) || (fact.type === 'tier2/routine/failed' && ends.get(fact.executionId) === error.message);
    heard.add(error);
    if (fact.type === 'tier2/routine/failing') ends.set(fact.executionId, error.message);
    return isKnown ? [] : [fact.id];
  });
}

const isOfGroup = ({ code }: ExecutionError): boolean => code === 'BRANCH_FAILED';

function heardOf(facts: readonly Fact[]) {
  const missed: unknown[] = [];
  const log = new ErrorLog({ limit: 100_000 }, { ...SILENT, error: (fields) => void missed.push(fields) });
  log.hear(facts);
  return { entries: log.list(), counts: log.counts(), missed };
}

const tell = async (seed: number, storyOf: (pick: Pick) => Story) => {
  const pick = seeded(seed);
  return simulate(pick, storyOf(pick));
};

const printed = (facts: readonly Fact[], entries: readonly ErrorEntry[]): string =>
  [
    ...facts.map((fact) => `${fact.seq} ${fact.type} ${fact.executionId} ${errorOf(fact)?.message ?? ''}`),
    ...entries.map(({ id, message, outcome }) => `${id} ${message}: ${outcome}`),
  ].join('\n');

describe.each(STORIES)('the error log of %s', (_, storyOf) => {
  it(`has every failure once, where it happened first, and knows what became of it (seeds 1 to ${SEEDS})`, async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { facts, result } = await tell(seed, storyOf);
      const { entries, counts, missed } = heardOf(facts);
      const story = `seed ${seed}\n${printed(facts, entries)}`;
      expect(missed, story).toEqual([]);
      expect(
        entries.map(({ id }) => id),
        story,
      ).toEqual(firsts(facts));

      const byId = new Map(entries.map((entry) => [entry.id, entry]));
      const completed = new Set(facts.filter(({ type }) => type === 'tier3/execution/completed').map(({ executionId }) => executionId));
      const tools = new Map(
        facts
          .filter(({ payload }) => (payload as Payload).kind !== 'condition')
          .map(({ executionId, payload }) => [executionId, (payload as Payload).target ?? undefined] as const)
          .filter(([, target]) => target),
      );
      for (const { type, id, executionId } of facts) {
        if (type !== 'tier3/attempt/failed' && type !== 'tier3/execution/failed') continue;
        expect(byId.get(id)?.tool, story).toBe(tools.get(executionId));
        if (completed.has(executionId)) expect(byId.get(id)?.outcome, story).toBe('recovered');
      }
      if (result) expect(entries.filter(({ outcome }) => outcome === 'open').length, story).toBe(0);

      expect(counts.total, story).toBe(entries.length);
      const tallies = Object.values(counts.codes);
      expect(tallies.reduce((sum, { total }) => sum + total, 0)).toBe(entries.length);
      for (const [code, { outcomes: of }] of Object.entries(counts.codes)) {
        for (const [outcome, count] of Object.entries(of)) {
          outcomes.add(outcome);
          expect(entries.filter((entry) => entry.code === code && entry.outcome === outcome).length, story).toBe(count);
        }
      }
    }
    for (const outcome of ['retried', 'failed', 'recovered']) expect(outcomes).toContain(outcome);
  }, 120_000);

  it('has the same entries for facts that went through JSON, and never throws for a story that is cut anywhere', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { facts } = await tell(seed, storyOf);
      const stored = JSON.parse(JSON.stringify(facts)) as readonly Fact[];
      expect(heardOf(stored)).toEqual(heardOf(facts));
      for (let from = 0; from < facts.length; from += 7) expect(heardOf(stored.slice(from)).missed).toEqual([]);
    }
  }, 120_000);
});

/**
 * `kill -9` of a real process on a real disk, again and again, until all of its work has settled: steps side by side, retries, pauses, people,
 * a swarm. Nothing that was acknowledged is lost, nothing that was committed is done again, every effect keeps its key, the chain is sound, and in
 * the end everything is as if nothing had happened.
 */

import { describe, expect, it } from 'vitest';
import { crash, crashSeeds } from './crashing.ts';

const KILLS = Number(process.env['CRASH_KILLS'] ?? 26);
const COPIES = 2;
const asTold = ({ lives }: { readonly lives: readonly string[] }) => lives.join('\n');

describe('a process that is killed', () => {
  it.each(['power', 'process'] as const)(
    `loses nothing and does nothing twice, ${KILLS} times with the durability "%s"`,
    async (durability) => {
      const report = await crashSeeds({ seed: 1, kills: KILLS, copies: COPIES }, [durability]);
      expect(report.problems, asTold(report)).toEqual([]);
      expect(report.kills).toBe(KILLS);
    },
    600_000,
  );

  it.each([
    ['between an effect and its commit', 'effect:5', 'effect'],
    ['inside a group commit', 'rows:40:after', 'after rows'],
    ['before a group is committed', 'commit:6:before', 'before commit'],
    ['between a commit and its heads', 'commit:9:after', 'after commit'],
    ['while heads are written', 'heads:7:torn', 'torn heads'],
    ['after the heads and before the acknowledgement', 'heads:8:after', 'after heads'],
  ])(
    'goes on when it dies %s',
    async (_, at, place) => {
      const death = { kind: 'inside', at } as const;
      for (const durability of ['power', 'process'] as const) {
        const report = await crash({ durability, copies: 1 }, [death]);
        expect(report.problems, asTold(report)).toEqual([]);
        expect(report.places).toEqual([place]);
      }
    },
    120_000,
  );
});

describe('the harness', () => {
  it.each(['early', 'forgetful'] as const)(
    'finds a journal that is %s',
    async (defect) => {
      const { problems } = await crashSeeds({ seed: 1, kills: 60, copies: 1, defect }, ['process']);
      expect(problems.join('\n')).toMatch(
        defect === 'early' ? /was acknowledged up to \d+, and the journal has \d+ facts/ : /after it settled|settled twice/,
      );
    },
    600_000,
  );
});

/** A story that breaks something is made short, stays broken, and can be told again. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { investigate, type Pick, scripted, search, shrink, type Told } from '../../src/testing/testing.ts';

/** Twenty dice; broken when two sixes come, with anything in between. */
const dice = async (pick: Pick): Promise<Told> => {
  const trace = Array.from({ length: 20 }, () => `a ${pick(6) + 1}`);
  const sixes = trace.filter((label) => label === 'a 6').length;
  return { trace, violations: sixes >= 2 ? [`${sixes} sixes`] : [] };
};

describe('shrinking', () => {
  it('finds the shortest list of choices that still fails', async () => {
    const found = await shrink(dice, [1, 2, 5, 0, 3, 5, 1, 5, 5, 4, 2]);
    expect(found?.choices).toEqual([5, 5]);
    expect(found?.report.violations).toEqual(['2 sixes']);
  });

  it('gives nothing for a list that breaks nothing, and tells no more stories than it may', async () => {
    expect(await shrink(dice, [1, 2, 3])).toBeUndefined();
    let told = 0;
    const counted = (pick: Pick) => {
      told++;
      return dice(pick);
    };
    expect(
      (
        await shrink(
          counted,
          Array.from({ length: 20 }, () => 5),
          { maxTries: 3 },
        )
      )?.report.violations,
    ).toHaveLength(1);
    expect(told).toBe(3);
  });

  it('keeps a story broken and never makes it longer, and the list tells it again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 20 }), async (choices) => {
        const found = await shrink(dice, choices);
        expect(found !== undefined).toBe((await dice(scripted(choices))).violations.length > 0);
        if (!found) return;
        expect(found.choices).toEqual([5, 5]);
        expect(await dice(scripted(found.choices))).toEqual(found.report);
      }),
      { numRuns: 50 },
    );
  });

  it('lowers a choice that must not be the first to the lowest that will do', async () => {
    const atLeast = async (pick: Pick): Promise<Told> => {
      const n = pick(1_000);
      return { trace: [String(n)], violations: n >= 357 ? ['too much'] : [] };
    };
    expect((await shrink(atLeast, [900]))?.choices).toEqual([357]);
  });

  it('searches seeds, and tells people what broke, how, and how to see it again', async () => {
    const finding = await search(dice, { runs: 50 });
    expect(finding?.text).toBe(
      [
        `seed ${finding?.seed}:`,
        '  ✗ 2 sixes',
        'what happened:',
        ...['6', '6', ...Array.from({ length: 18 }, () => '1')].map((face, index) => `  ${index + 1}. a ${face}`),
        'tell it again: scripted([5,5])',
      ].join('\n'),
    );
    expect(await search(async () => ({ trace: [], violations: [] }), { runs: 5 })).toBeUndefined();
  });

  it('says when a story does not depend on its choices alone', async () => {
    let isFirst = true;
    const moody = async (): Promise<Told> => {
      const violations = isFirst ? ['a mood'] : [];
      isFirst = false;
      return { trace: [], violations };
    };
    expect((await investigate(moody, 7))?.text).toContain('something in it does not ask');
  });
});

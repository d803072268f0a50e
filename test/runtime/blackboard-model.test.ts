/** SWM-10: a blackboard behaves as a plain map would, whatever is written in whatever order, and however slowly it is committed. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Blackboard } from '../../src/actors/blackboard.ts';
import type { Json, JsonObject } from '../../src/machines/protocol/execution.ts';
import { startBlackboards } from './blackboard-for-test.ts';

interface Write {
  readonly key: string;
  readonly operation: 'set' | 'append' | 'increment' | 'merge' | 'deepMerge' | 'delete';
  readonly given: Json;
  readonly ifVersion: number | undefined;
}

const object = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof(fc.integer(), fc.dictionary(fc.constantFrom('x', 'y'), fc.integer())),
  {
    noNullPrototype: true,
  },
);
const writes: fc.Arbitrary<Write> = fc.record({
  key: fc.constantFrom('k', 'l', 'm'),
  operation: fc.constantFrom('set', 'append', 'increment', 'merge', 'deepMerge', 'delete'),
  given: fc.oneof(
    fc.integer({ min: -9, max: 9 }),
    object,
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.constant('text'),
    fc.constant(null),
  ),
  ifVersion: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined, freq: 3 }),
});

interface Cell {
  readonly value: Json | undefined;
  readonly version: number;
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const overlaid = (below: JsonObject, above: JsonObject): JsonObject =>
  Object.fromEntries(
    [...new Set([...Object.keys(below), ...Object.keys(above)])].map((name) => {
      const [under, over] = [below[name], above[name]];
      if (over === undefined) return [name, under ?? null];
      return [name, isObject(under) && isObject(over) ? overlaid(under, over) : over];
    }),
  );

/** What the write makes of a cell, or the code with which it is refused. */
function expected({ value, version }: Cell, { operation, given, ifVersion }: Write): Cell | string {
  const isGuarded = operation === 'set' || operation === 'delete';
  if (isGuarded && ifVersion !== undefined && ifVersion !== (value === undefined ? 0 : version)) return 'BLACKBOARD_CONFLICT';
  const next = (result: Json | undefined): Cell => ({ value: result, version: version + 1 });
  if (operation === 'set') return next(given);
  if (operation === 'delete') return value === undefined ? { value, version } : next(undefined);
  if (operation === 'append' && Array.isArray(value ?? [])) return next([...((value ?? []) as Json[]), given]);
  if (operation === 'increment' && typeof (value ?? 0) === 'number' && typeof given === 'number' && value !== null) {
    return next(((value as number | undefined) ?? 0) + given);
  }
  const beneath = value === undefined ? {} : value;
  if (operation === 'merge' && isObject(beneath) && isObject(given)) return next({ ...beneath, ...given });
  if (operation === 'deepMerge' && isObject(beneath) && isObject(given)) return next(overlaid(beneath, given));
  return 'BLACKBOARD_TYPE_MISMATCH';
}

function perform(board: Blackboard, { key, operation, given, ifVersion }: Write): Promise<unknown> {
  const condition = ifVersion === undefined ? {} : { ifVersion };
  if (operation === 'set') return board.set(key, given, condition);
  if (operation === 'delete') return board.delete(key, condition);
  return board[operation](key, given as never);
}

describe('any writes to a blackboard', () => {
  it.each([
    ['commit at once', false],
    ['commit after all of them', true],
  ])('do what a map would do, when they %s', async (_, isHeld) => {
    await fc.assert(
      fc.asyncProperty(fc.array(writes, { maxLength: 25 }), async (all) => {
        const { board, boards, world, held, facts } = startBlackboards();
        world.isHeld = isHeld;
        const model = new Map<string, Cell>();
        const outcomes = all.map((write) => perform(board, write).catch((thrown: unknown) => (thrown as { code: string }).code));
        const wanted = all.map((write) => {
          const outcome = expected(model.get(write.key) ?? { value: undefined, version: 0 }, write);
          if (typeof outcome !== 'string') model.set(write.key, outcome);
          return outcome;
        });
        for (const { resolve } of held) resolve();
        for (const [index, outcome] of (await Promise.all(outcomes)).entries()) {
          const want = wanted[index];
          if (typeof want === 'string') expect(outcome).toBe(want);
          else expect(outcome).toMatchObject({ value: want?.value ?? null, version: want?.version });
        }
        const present = [...model].filter(([, cell]) => cell.value !== undefined);
        expect(new Map(Array.from(board.entries(), ([key, { value, version }]) => [key, { value, version }]))).toEqual(new Map(present));
        const again = startBlackboards();
        again.boards.fold(facts);
        expect(again.board.entries()).toEqual(boards.of('swarm').entries());
      }),
      { numRuns: 300 },
    );
  });
});

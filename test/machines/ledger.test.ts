/** EXE-5, RUN-16: budgets add up, whatever is promised, used and given back in whatever order, in trees of any shape, at any size. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amounts, type Claim, freeOf, lacking, limitsOf, minus, NONE, plus, promiseOf } from '../../src/machines/ledger.ts';
import {
  type Amounts,
  DEFAULT_ALLOCATION,
  NO_USAGE,
  type ResourceAllocation,
  type ResourceUsage,
} from '../../src/machines/protocol/execution.ts';
import { withChildUsage } from '../../src/machines/usage.ts';

const credits = fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.bigInt({ min: 0n, max: 10n ** 30n })).map(String);
const count = fc.oneof(fc.nat(10), fc.maxSafeNat());
const some = fc.tuple(credits, count, count, count).map(([c, tokens, steps, memoryMB]) => amounts(c, tokens, steps, memoryMB));
const little = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(1), fc.nat(1)).map(([c, ...counts]) => amounts(String(c), ...counts));
const fraction = fc.nat(100);

const allocation: fc.Arbitrary<ResourceAllocation> = fc
  .record({ maxCredits: credits, maxMemoryMB: count, maxTokens: fc.option(count), maxSteps: fc.option(count) })
  .map(({ maxCredits, maxMemoryMB, maxTokens, maxSteps }) => ({
    ...DEFAULT_ALLOCATION,
    maxCredits,
    maxMemoryMB,
    ...(maxTokens !== null && { maxTokens }),
    ...(maxSteps !== null && { maxSteps }),
  }));

/** An execution of the tree: what it was given, has used and has promised, and its children that have not settled. */
class Account {
  readonly given: ResourceAllocation;
  readonly children: { readonly account: Account; readonly promised: Amounts }[] = [];
  used: ResourceUsage = NO_USAGE;
  promised: Amounts = NONE;

  constructor(given: ResourceAllocation) {
    this.given = given;
  }

  get free() {
    return freeOf(this.given, this.used, this.promised);
  }

  open(claim: Claim, weight: number, more: number): Account | undefined {
    if (lacking(this.free, claim.least)) return undefined;
    const promised = promiseOf(this.free, claim, { weight, of: weight + more });
    const account = new Account({ ...this.given, ...limitsOf(this.given, promised, this.promised) });
    this.promised = plus(this.promised, promised);
    this.children.push({ account, promised });
    return account;
  }

  /** Uses a part of what is left to it. */
  use(percent: number): void {
    const { credits: left, tokens, steps } = this.free;
    const part = (of: number, when: number | undefined): number => (when === undefined ? 3 : Number((BigInt(of) * BigInt(percent)) / 100n));
    const tokensUsed = part(tokens, this.given.maxTokens);
    const usage = {
      ...NO_USAGE,
      creditsUsed: ((BigInt(left) * BigInt(percent)) / 100n).toString(),
      stepsExecuted: part(steps, this.given.maxSteps),
    };
    this.used = withChildUsage(this.used, tokensUsed > 0 ? { ...usage, tokensUsed } : usage);
  }

  /** The deepest settle first. What it did not use is free again, exactly. */
  settle(index: number): void {
    const { account, promised } = this.children.splice(index, 1)[0] ?? expect.unreachable();
    while (account.children.length > 0) account.settle(0);
    const before = this.free;
    this.promised = minus(this.promised, promised);
    this.used = withChildUsage(this.used, account.used);
    const { free, given } = this;
    const { used } = account;
    expect(BigInt(free.credits)).toBe(BigInt(before.credits) + BigInt(promised.credits) - BigInt(used.creditsUsed));
    if (given.maxTokens !== undefined) expect(free.tokens - before.tokens).toBe((promised.tokens ?? 0) - (used.tokensUsed ?? 0));
    if (given.maxSteps !== undefined) expect(free.steps - before.steps).toBe((promised.steps ?? 0) - used.stepsExecuted);
    expect(free.memoryMB - before.memoryMB).toBe(promised.memoryMB ?? 0);
  }

  /** Over the whole tree. */
  check(): void {
    const { credits: left, tokens, steps, memoryMB } = this.free;
    expect(BigInt(left) >= 0n && tokens >= 0 && steps >= 0 && memoryMB >= 0).toBe(true);
    expect(this.promised).toEqual(this.children.map(({ promised }) => promised).reduce(plus, NONE));
    for (const { account } of this.children) account.check();
  }

  all(): Account[] {
    return [this, ...this.children.flatMap(({ account }) => account.all())];
  }
}

const claim: fc.Arbitrary<Claim> = fc
  .record({ least: fc.oneof({ weight: 9, arbitrary: little }, some), more: fc.oneof(little, some), most: fc.option(count) })
  .map(({ least, more, most }) => ({
    least,
    wanted: amounts(plus(least, more).credits, ...both(least, more)),
    ...(most !== null && { most: { memoryMB: most } }),
  }));
/** Sums stay safe integers. */
const both = (a: Amounts, b: Amounts): [number, number, number] => [
  Math.max(a.tokens ?? 0, b.tokens ?? 0),
  Math.max(a.steps ?? 0, b.steps ?? 0),
  Math.max(a.memoryMB ?? 0, b.memoryMB ?? 0),
];

const deed = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('open' as const), claim, weight: fc.integer({ min: 1, max: 10 }), more: fc.nat(20) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('use' as const), percent: fraction }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('settle' as const), child: fc.nat(20) }) },
);

describe('a tree of budgets', () => {
  it('never promises or uses more than was given, and gives back exactly what was not used', () => {
    let deepest = 0;
    fc.assert(
      fc.property(allocation, fc.array(fc.tuple(fc.nat(50), deed), { maxLength: 60, size: 'max' }), (given, deeds) => {
        const root = new Account(given);
        for (const [which, doing] of deeds) {
          const accounts = root.all();
          const account = accounts[which % accounts.length] ?? root;
          deepest = Math.max(deepest, accounts.length);
          if (doing.type === 'open') account.open(doing.claim, doing.weight, doing.more);
          else if (doing.type === 'use') account.use(doing.percent);
          else if (account.children.length > 0) account.settle(doing.child % account.children.length);
          root.check();
        }
        while (root.children.length > 0) root.settle(0);
        root.check();
        expect(root.promised).toEqual(NONE);
        expect(root.free.memoryMB).toBe(given.maxMemoryMB);
      }),
      { numRuns: 500 },
    );
    expect(deepest).toBeGreaterThan(5);
  });

  it('takes back what it added, so that equal amounts are equal as data', () => {
    fc.assert(
      fc.property(some, some, (a, b) => {
        fc.pre([...both(a, b)].every((each) => each < 2 ** 51));
        expect(minus(plus(a, b), b)).toEqual(a);
        expect(plus(a, b)).toEqual(plus(b, a));
        expect(minus(a, a)).toEqual(NONE);
      }),
    );
  });
});

describe('a promise', () => {
  const plenty = { credits: '100', tokens: 1_000, steps: 50, memoryMB: 512 };
  const alone = { weight: 1, of: 1 };

  it('is what is wanted or a part of what is left, whichever is more', () => {
    const wanted = amounts('60', 100, 1, 0);
    expect(promiseOf(plenty, { least: NONE, wanted }, { weight: 1, of: 2 })).toEqual(amounts('60', 500, 1, 0));
    expect(promiseOf(plenty, { least: NONE, wanted }, { weight: 3, of: 4 })).toEqual(amounts('75', 750, 1, 0));
    expect(promiseOf(plenty, { least: NONE, wanted: amounts('200', 2_000, 1, 0) }, alone)).toEqual(amounts('100', 1_000, 1, 0));
  });

  it('of steps and memory is what is wanted, unless the child has children of its own', () => {
    const wanted = amounts('0', 0, 5, 100);
    expect(promiseOf(plenty, { least: NONE, wanted }, { weight: 1, of: 2 })).toMatchObject({ steps: 5, memoryMB: 100 });
    expect(promiseOf(plenty, { least: NONE, wanted, most: { memoryMB: 150 } }, { weight: 1, of: 2 })).toMatchObject({
      steps: 25,
      memoryMB: 150,
    });
    expect(promiseOf(plenty, { least: NONE, wanted, most: { memoryMB: 900 } }, { weight: 1, of: 2 })).toMatchObject({ memoryMB: 256 });
  });

  it('is of nothing that has no limit', () => {
    const unlimited = freeOf(DEFAULT_ALLOCATION, NO_USAGE, NONE);
    expect(promiseOf(unlimited, { least: NONE, wanted: amounts('1', 10, 1, 0) }, alone)).toEqual({
      credits: DEFAULT_ALLOCATION.maxCredits,
    });
    expect(limitsOf(DEFAULT_ALLOCATION, { credits: '1' }, amounts('0', 0, 0, 96))).toEqual({ maxCredits: '1', maxMemoryMB: 4_000 });
  });

  it('divides what no number can multiply exactly', () => {
    const free = { ...plenty, tokens: Number.MAX_SAFE_INTEGER };
    expect(promiseOf(free, { least: NONE, wanted: NONE }, { weight: 9, of: 10 }).tokens).toBe(8_106_479_329_266_891);
  });
});

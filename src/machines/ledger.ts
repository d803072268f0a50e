/**
 * The arithmetic of budgets: what an execution has left, what it promises to a child before that acts, what is free again when the child settles.
 *
 * Credits and tokens are used up, steps are counted, memory is held and given back whole. Only credits and memory always have a limit.
 * Two laws hold at every moment of any tree of executions: what is used and what is promised are together never more than what was given; and
 * when a child settles exactly what it did not use is free again, at any size. Every operation is O(1) in children.
 */

import type { Amounts, ResourceAllocation, ResourceUsage } from './protocol/execution.ts';
import { addCredits, lessCredits, subtractCredits } from './usage.ts';

export type Kind = 'credits' | 'tokens' | 'steps' | 'memoryMB';

export const NONE: Amounts = { credits: '0' };

/** An amount of nothing is left out, so that equal amounts are equal as data. */
export function amounts(credits: string, tokens: number, steps: number, memoryMB: number): Amounts {
  if (tokens === 0 && steps === 0 && memoryMB === 0) return credits === '0' ? NONE : { credits };
  return { credits, ...(tokens !== 0 && { tokens }), ...(steps !== 0 && { steps }), ...(memoryMB !== 0 && { memoryMB }) };
}

export function plus(a: Amounts, b: Amounts): Amounts {
  return amounts(
    addCredits(a.credits, b.credits),
    (a.tokens ?? 0) + (b.tokens ?? 0),
    (a.steps ?? 0) + (b.steps ?? 0),
    (a.memoryMB ?? 0) + (b.memoryMB ?? 0),
  );
}

export function minus(a: Amounts, b: Amounts): Amounts {
  return amounts(
    subtractCredits(a.credits, b.credits),
    (a.tokens ?? 0) - (b.tokens ?? 0),
    (a.steps ?? 0) - (b.steps ?? 0),
    (a.memoryMB ?? 0) - (b.memoryMB ?? 0),
  );
}

/** What nobody has used and nobody was promised; Infinity where there is no limit. */
export interface Free {
  readonly credits: string;
  readonly tokens: number;
  readonly steps: number;
  readonly memoryMB: number;
}

export function freeOf(given: ResourceAllocation, used: ResourceUsage, promised: Amounts): Free {
  const { maxCredits, maxTokens, maxSteps, maxMemoryMB } = given;
  return {
    credits: subtractCredits(subtractCredits(maxCredits, used.creditsUsed), promised.credits),
    tokens: maxTokens === undefined ? Number.POSITIVE_INFINITY : maxTokens - (used.tokensUsed ?? 0) - (promised.tokens ?? 0),
    steps: maxSteps === undefined ? Number.POSITIVE_INFINITY : maxSteps - used.stepsExecuted - (promised.steps ?? 0),
    memoryMB: maxMemoryMB - (promised.memoryMB ?? 0),
  };
}

/** The first kind of which there is less than that. */
export function lacking(free: Free, need: Amounts): Kind | undefined {
  if (need.credits !== '0' && lessCredits(free.credits, need.credits)) return 'credits';
  if (free.tokens < (need.tokens ?? 0)) return 'tokens';
  if (free.steps < (need.steps ?? 0)) return 'steps';
  return free.memoryMB < (need.memoryMB ?? 0) ? 'memoryMB' : undefined;
}

/** What a child asks for before it begins. */
export interface Claim {
  /** It cannot begin with less. */
  readonly least: Amounts;
  /** What it is known to cost if all of it is done. */
  readonly wanted: Amounts;
  /** It has children of its own, so it may do with more than it is known to want: of steps, and of memory up to this. */
  readonly most?: { readonly memoryMB: number };
}

/** A child's part of what is left, among all that still have to begin. */
export interface Part {
  readonly weight: number;
  readonly of: number;
}

/** What a child is promised: what it wants or its part, whichever is more, and never more than there is. Nothing where there is no limit. */
export function promiseOf(free: Free, { wanted, most }: Claim, part: Part): Amounts {
  const steps = wanted.steps ?? 0;
  const memoryMB = wanted.memoryMB ?? 0;
  return amounts(
    promisedCredits(free.credits, wanted.credits, part),
    promised(free.tokens, wanted.tokens ?? 0, part),
    most ? promised(free.steps, steps, part) : Number.isFinite(free.steps) ? Math.min(free.steps, steps) : 0,
    most && most.memoryMB > memoryMB ? Math.min(most.memoryMB, promised(free.memoryMB, memoryMB, part)) : Math.min(free.memoryMB, memoryMB),
  );
}

function promisedCredits(free: string, wanted: string, { weight, of }: Part): string {
  if (free === '0') return free;
  const all = BigInt(free);
  const share = weight === 1 ? all / BigInt(of) : (all * BigInt(weight)) / BigInt(of);
  const asked = wanted === '0' ? share : BigInt(wanted);
  const more = asked > share ? asked : share;
  return more < all ? more.toString() : free;
}

function promised(free: number, wanted: number, { weight, of }: Part): number {
  if (!Number.isFinite(free)) return 0;
  const share = Number.isSafeInteger(free * weight)
    ? Math.floor((free * weight) / of)
    : Number((BigInt(free) * BigInt(weight)) / BigInt(of));
  return Math.min(free, Math.max(wanted, share));
}

/** The limits of a child: what it was promised. Where no memory is held for it, it may take what is free while it begins. */
export function limitsOf(
  given: ResourceAllocation,
  { credits, tokens = 0, steps = 0, memoryMB }: Amounts,
  held: Amounts,
): Omit<ResourceAllocation, 'maxDurationMs' | 'maxConcurrentSteps'> {
  return {
    maxCredits: credits,
    ...(given.maxTokens !== undefined && { maxTokens: tokens }),
    ...(given.maxSteps !== undefined && { maxSteps: steps }),
    maxMemoryMB: memoryMB ?? Math.max(0, given.maxMemoryMB - (held.memoryMB ?? 0)),
  };
}

/** What is left of each, as a message says it. */
export function describeLack(kind: Kind, need: Amounts, given: ResourceAllocation, used: ResourceUsage): string {
  switch (kind) {
    case 'credits':
      return `costs ${need.credits} credits; ${used.creditsUsed} of ${given.maxCredits} are used`;
    case 'tokens':
      return `costs ${need.tokens ?? 0} tokens; ${used.tokensUsed ?? 0} of ${given.maxTokens ?? 0} are used`;
    case 'steps':
      return `is one step too many; ${used.stepsExecuted} of ${given.maxSteps ?? 0} are used`;
    case 'memoryMB':
      return `holds ${need.memoryMB ?? 0} MB of memory; there are ${given.maxMemoryMB}`;
  }
}

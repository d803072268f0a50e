/** Arithmetic on what executions use. Credits are decimal strings of BigInts. */

import type { ResourceUsage } from './protocol/execution.ts';

export const addCredits = (a: string, b: string): string => (b === '0' ? a : a === '0' ? b : (BigInt(a) + BigInt(b)).toString());

export const subtractCredits = (a: string, b: string): string => (b === '0' ? a : (BigInt(a) - BigInt(b)).toString());

export const lessCredits = (a: string, b: string): boolean => a !== b && BigInt(a) < BigInt(b);

/** Where nothing limits them, counts stop at the greatest number that is exact. */
export const addCounts = (a = 0, b = 0): number => Math.min(a + b, Number.MAX_SAFE_INTEGER);

/** A parent's usage after a child settled: sums, and the greatest peak of memory. Duration is the parent's own. */
export function withChildUsage(parent: ResourceUsage, child: ResourceUsage): ResourceUsage {
  const tokensUsed = addCounts(parent.tokensUsed, child.tokensUsed);
  const sum = {
    creditsUsed: addCredits(parent.creditsUsed, child.creditsUsed),
    durationMs: parent.durationMs,
    memoryUsedMB: Math.max(parent.memoryUsedMB, child.memoryUsedMB),
    stepsExecuted: parent.stepsExecuted + child.stepsExecuted,
  };
  return tokensUsed === 0 ? sum : { ...sum, tokensUsed };
}

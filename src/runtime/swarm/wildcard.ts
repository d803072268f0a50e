/** Names with wildcards, as missions name tasks, norms tools and playbooks goals: `*` stands for any run of characters, also none. */

import { matchesGlob } from '../glob.ts';

export const isWildcard = (pattern: string): boolean => pattern.includes('*');

/** Whether a name fits any of the patterns. Exact names are looked up; the rest is matched without backtracking. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !isWildcard(pattern)));
  const wild = patterns.filter(isWildcard);
  if (wild.includes('*')) return () => true;
  return (name) => exact.has(name) || wild.some((pattern) => matchesGlob(pattern, name, '*'));
}

/** Patterns over fact types: `*` is one segment, `**` any number of them (also none), everything else is literal. */

import { matchesGlob } from '../glob.ts';

/**
 * Compiles a pattern such as `tier2/**`. Matching is linear in the segments: no regular expression, no backtracking.
 *
 * Source: Implementation Guide, "Event Bus Implementation" (whose replacement order makes `**` mean `*`; that is not copied).
 */
export function compilePattern(pattern: string): (type: string) => boolean {
  if (pattern === '**') return () => true;
  const wanted = pattern.split('/');
  if (!wanted.includes('*') && !wanted.includes('**')) return (type) => type === pattern;
  return (type) => matchesGlob(wanted, type.split('/'), '**', fits);
}

const fits = (wanted: string | undefined, segment: string | undefined): boolean => wanted === '*' || wanted === segment;

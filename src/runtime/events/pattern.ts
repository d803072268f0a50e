/** Patterns over fact types: `*` is one segment, `**` any number of them (also none), everything else is literal. */

import { describe } from '../../actors/failure.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import { isId } from '../door.ts';
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

/** Throws INVALID_VALUE. */
export function checkPattern(pattern: unknown): asserts pattern is string {
  if (!isId(pattern)) throw new SwarmchartError('INVALID_VALUE', `A pattern of facts is a text, got ${describe(pattern)}`);
}

/** Patterns over fact types: `*` is one segment, `**` any number of them (also none), everything else is literal. */

/**
 * Compiles a pattern such as `tier2/**`. Matching is linear in the segments: no regular expression, no backtracking.
 *
 * Source: Implementation Guide, "Event Bus Implementation" (whose replacement order makes `**` mean `*`; that is not copied).
 */
export function compilePattern(pattern: string): (type: string) => boolean {
  if (pattern === '**') return () => true;
  const wanted = pattern.split('/');
  if (!wanted.includes('*') && !wanted.includes('**')) return (type) => type === pattern;
  return (type) => matches(wanted, type.split('/'));
}

/** The classic two-pointer match of a glob: remembers the last `**` and lets it take one segment more on a mismatch. */
function matches(wanted: readonly string[], segments: readonly string[]): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let taken = 0;
  while (from < segments.length) {
    if (wanted[at] === '**') {
      star = at++;
      taken = from;
    } else if (at < wanted.length && (wanted[at] === '*' || wanted[at] === segments[from])) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++taken;
    } else return false;
  }
  while (wanted[at] === '**') at++;
  return at === wanted.length;
}

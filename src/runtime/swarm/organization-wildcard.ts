/** Names with wildcards, as missions name tasks and norms name tools: `*` stands for any run of characters, also none. */

export const isWildcard = (pattern: string): boolean => pattern.includes('*');

/** Whether a name fits any of the patterns. Exact names are looked up; the rest is matched without backtracking. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !isWildcard(pattern)));
  const wild = patterns.filter(isWildcard);
  if (wild.includes('*')) return () => true;
  return (name) => exact.has(name) || wild.some((pattern) => fits(pattern, name));
}

/** Remembers the last `*` and lets it take one character more on a mismatch. */
function fits(pattern: string, name: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let taken = 0;
  while (from < name.length) {
    if (pattern[at] === '*') {
      star = at++;
      taken = from;
    } else if (at < pattern.length && pattern[at] === name[from]) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++taken;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** ` Did you mean "name"?`, or nothing when no candidate is close. Looks at most at the first thousand candidates. */
export function didYouMean(wanted: string, candidates: Iterable<string>): string {
  const tolerance = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestDistance = tolerance + 1;
  let looked = 0;
  for (const candidate of candidates) {
    if (++looked > 1_000) break;
    if (candidate === wanted) continue;
    const distance = editDistance(wanted.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

const LONGEST_COMPARED = 64;

/** Levenshtein distance, or `ceiling` as soon as it cannot be less. */
function editDistance(a: string, b: string, ceiling: number): number {
  if (a.length > LONGEST_COMPARED || b.length > LONGEST_COMPARED || Math.abs(a.length - b.length) >= ceiling) return ceiling;
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    if (Math.min(...current) >= ceiling) return ceiling;
    previous = current;
  }
  return previous[b.length] ?? ceiling;
}

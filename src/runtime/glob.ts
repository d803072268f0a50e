/** The classic two-pointer match of a glob, over characters or segments. */

/** A star stands for any run of items, also none: the last one takes an item more on a mismatch. No regular expression, no backtracking further. */
export function matchesGlob(
  wanted: ArrayLike<string>,
  items: ArrayLike<string>,
  star: string,
  fits: (wanted: string | undefined, item: string | undefined) => boolean = Object.is,
): boolean {
  let at = 0;
  let from = 0;
  let lastStar = -1;
  let taken = 0;
  while (from < items.length) {
    if (wanted[at] === star) {
      lastStar = at++;
      taken = from;
    } else if (at < wanted.length && fits(wanted[at], items[from])) {
      at++;
      from++;
    } else if (lastStar >= 0) {
      at = lastStar + 1;
      from = ++taken;
    } else return false;
  }
  while (wanted[at] === star) at++;
  return at === wanted.length;
}

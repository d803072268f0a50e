/** Tables on stdout. */

/** Rows of cells, the first of them the head. The last column is as wide as it is. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const [head = []] = rows;
  const widths = head.map((_, column) => rows.reduce((widest, cells) => Math.max(widest, cells[column]?.length ?? 0), 0));
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

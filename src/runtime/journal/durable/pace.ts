/** Lets others run after so much work, counted in rows. */
export type Pace = (rows: number) => Promise<void> | undefined;

const ROWS_PER_TURN = 500;

export function pace(nextTurn: () => Promise<void>): Pace {
  let done = 0;
  return (rows) => {
    done += rows;
    if (done < ROWS_PER_TURN) return undefined;
    done = 0;
    return nextTurn();
  };
}

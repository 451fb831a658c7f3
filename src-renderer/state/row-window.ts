/** Which rows of a long table are in the page: those in sight, and some around them for who scrolls or goes on by keyboard. */
const AROUND = 8;
/** Before the table has been measured. */
const ROWS_UNMEASURED = 40;

interface Sight {
  rows: number;
  /** Pixels. */
  rowHeight: number;
  /** How far the table is scrolled, and how high its frame is; height 0 before it has been measured. */
  top: number;
  height: number;
}

/** from, to: indices, `to` not among them; before, after: pixels of the rows that are left out. */
export function windowOf({ rows, rowHeight, top, height }: Sight): { from: number; to: number; before: number; after: number } {
  const inFrame = height === 0 ? ROWS_UNMEASURED : Math.ceil(height / rowHeight);
  const first = Math.min(Math.floor(top / rowHeight), Math.max(0, rows - inFrame));
  const [from, to] = [Math.max(0, first - AROUND), Math.min(rows, first + inFrame + AROUND)];
  return { from, to, before: from * rowHeight, after: (rows - to) * rowHeight };
}

/** Text files that grow line by line: what can be read of them after a process died or power failed. */

export interface Readable<R> {
  /** The records up to the first line that cannot be read. */
  records: R[];
  /** What is wrong with that line; null if all can be read. */
  damage: string | null;
  /** Whether lines that can be read follow it: then it was not the last thing that was written. */
  isInside: boolean;
}

/**
 * The lines of a text. What was being written when the process died does not count: a last line without a line break. Nor does what a power
 * loss leaves at the end: zeros where the system had not yet put the bytes.
 */
export function wholeLines(text: string): string[] {
  return whole(text).split("\n").slice(0, -1);
}

/** The same, so many at a time. */
export function* wholeLinesInParts(text: string, count: number): Generator<string[], void> {
  const lasting = whole(text);
  let part: string[] = [];
  let start = 0;
  for (let end = lasting.indexOf("\n"); end >= 0; end = lasting.indexOf("\n", start)) {
    part.push(lasting.slice(start, end));
    start = end + 1;
    if (part.length < count) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** Without the zeros at the end. */
function whole(text: string): string {
  let end = text.length;
  while (end > 0 && "\0\r\n ".includes(text[end - 1]!)) end--;
  const zeros = text.indexOf("\0", end);
  return zeros < 0 ? text : text.slice(0, zeros);
}

/** `parse` takes a line with its number, from `first` on, and throws an Error if it cannot be read. */
export function readLines<R>(lines: readonly string[], first: number, parse: (line: string, number: number) => R): Readable<R> {
  const records: R[] = [];
  for (const [i, line] of lines.entries()) {
    try {
      records.push(parse(line, first + i));
    } catch (error) {
      const isReadable = (later: string, at: number) => succeeds(() => parse(later, first + i + 1 + at));
      return { records, damage: (error as Error).message, isInside: lines.slice(i + 1).some(isReadable) };
    }
  }
  return { records, damage: null, isInside: false };
}

function succeeds(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

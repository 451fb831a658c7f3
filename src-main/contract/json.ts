/** Levels of lists and objects in any file or message of this program are far fewer; what walks a value level by level would overflow the stack. */
export const DEEPEST = 100;

/** Parses a JSON text. Throws an Error, before it takes memory for every level, if lists and objects are nested deeper than that. */
export function parseJson(text: string, deepest = DEEPEST): unknown {
  if (isTextDeeper(text, deepest)) throw new Error(`lists and objects are nested deeper than ${deepest} levels`);
  return JSON.parse(text);
}

/** A key that an object of a valid JSON text has twice, after those that lead to it: "train.epochs"; null if there is none. */
export function repeatedKey(json: string): string | null {
  /** The lists and objects around a place, with the keys of each so far; the last one leads on. */
  const around: { keys: Set<string>; last: string[] }[] = [];
  for (const [token, text, colon] of json.matchAll(/("(?:[^"\\]+|\\.)*")(\s*:)?|[[{\]}]/g)) {
    if (token === "{" || token === "[") around.push({ keys: new Set(), last: [] });
    else if (token === "}" || token === "]") around.pop();
    else if (colon !== undefined) {
      const object = around[around.length - 1]!;
      const key = JSON.parse(text!) as string;
      object.last = [key];
      if (object.keys.has(key)) return around.flatMap(({ last }) => last).join(".");
      object.keys.add(key);
    }
  }
  return null;
}

/** What JSON.parse found wrong with a text, with the line and column that editors show, where it gives a position. */
export function syntaxError(json: string, error: Error): string {
  return error.message.replace(/ at position (\d+)( \(line \d+ column \d+\))?/, (_, position) => {
    const lines = json.slice(0, Number(position)).split("\n");
    return ` at line ${lines.length}, column ${lines[lines.length - 1]!.length + 1}`;
  });
}

/** More than any recipe has, and few enough to count. */
const MOST_PARTS = 100_000;

/** Whether a value's lists and objects are nested deeper than that, or have too many parts, as those have that contain themselves. */
export function isUnwieldy(value: unknown, deepest = DEEPEST): boolean {
  let level = [value];
  let parts = 0;
  for (let depth = 0; level.length > 0; depth++) {
    parts += level.length;
    if (depth > deepest || parts > MOST_PARTS) return true;
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []));
  }
  return false;
}

function isTextDeeper(json: string, deepest: number): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (inText && character === "\\") i++;
    else if (character === '"') inText = !inText;
    else if (inText) continue;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > deepest) return true;
  }
  return false;
}

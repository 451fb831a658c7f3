/** Levels of lists and objects in any file or message of this program are far fewer; what walks a value level by level would overflow the stack. */
export const DEEPEST = 100;

/** Parses a JSON text. Throws an Error, before it takes memory for every level, if lists and objects are nested deeper than that. */
export function parseJson(text: string, deepest = DEEPEST): unknown {
  if (isTextDeeper(text, deepest)) throw new Error(`lists and objects are nested deeper than ${deepest} levels`);
  return JSON.parse(text);
}

/** Whether a value's lists and objects are nested deeper than that. One that contains itself is. */
export function isDeeper(value: unknown, deepest = DEEPEST): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true;
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

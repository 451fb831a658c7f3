/** Of train.py, the parts that a recipe uses: lines between "# [if NAME]" and "# [end]" are for those that use NAME. */

const BEGIN = /^ *# \[if ([^\]]+)\]$/;
const END = /^ *# \[end\]$/;

export function withParts(script: string, used: ReadonlySet<string>): string {
  const open: boolean[] = [];
  const lines = script.split("\n").filter((line) => {
    const [, name] = BEGIN.exec(line) ?? [];
    if (name !== undefined) open.push(used.has(name));
    else if (END.test(line)) open.pop();
    else return open.every(Boolean);
    return false;
  });
  return lines.join("\n").replace(/\n{4,}/g, "\n\n\n");
}

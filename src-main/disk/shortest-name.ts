import { sep } from "node:path";

/** As many of a path's last names as tell it from the others: "teacher.safetensors", or "last/teacher.safetensors" beside "all/teacher.safetensors". */
export function shortestName(path: string, others: readonly string[]): string {
  const last = (place: string, count: number) => place.split(sep).filter(Boolean).slice(-count).join(sep);
  const deepest = path.split(sep).length;
  for (let count = 1; count < deepest; count++) {
    const name = last(path, count);
    if (others.every((other) => other === path || last(other, count) !== name)) return name;
  }
  return last(path, deepest);
}

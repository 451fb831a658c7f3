import { existsSync } from "node:fs";
import path from "node:path";
import { UsageError } from "../contract/failure";
import { visible } from "../contract/visible";
import { absolutePath } from "./paths";
import type { World } from "./world";

/**
 * Where a run goes: `--out`, or by default a folder in runs/ of the current folder, runs/demo-2026-11-24-001651, of which the engine takes the
 * first free name.
 */
export function runFolder(
  world: World,
  { out, resume, attach }: { out?: string; resume?: true; attach?: true },
  verb: string,
): { out: string; unique: boolean } {
  if (resume && out === undefined) throw new UsageError("--resume needs --out, the folder of the run to resume");
  if (attach && out === undefined) throw new UsageError("--attach needs --out, the folder of the run to follow");
  if (out === "") throw new UsageError('--out is empty: expected a folder, or "." for the current one');
  if (out !== undefined) return { out: absolutePath(out, world.cwd), unique: false };
  return { out: path.join(world.cwd, "runs", `${verb}-${timestamp(world.now())}`), unique: true };
}

/** The absolute path of `--out`; by default a new file in the current folder, report-2026-11-24-001651.html, or a new folder, whose name has no ending. */
export function outFile(world: World, out: string | undefined, stem: string, ending: string | null): string {
  if (out !== undefined) return absolutePath(out, world.cwd);
  const name = path.join(world.cwd, `${stem}-${timestamp(world.now())}`);
  for (let number = 1; ; number++) {
    const file = `${name}${number > 1 ? `-${number}` : ""}${ending ?? ""}`;
    if (!existsSync(file)) return file;
  }
}

/** The uppermost folder that has to be made for a file; null if there is its folder. */
export function missingFolderOf(file: string): string | null {
  let missing: string | null = null;
  for (let folder = path.dirname(file); !existsSync(folder); folder = path.dirname(folder)) missing = folder;
  return missing;
}

/** A path as a person would write it: relative if it is inside the current folder. */
export function shownPath(world: World, file: string): string {
  const relative = path.relative(world.cwd, file);
  return visible(relative === "" || relative.startsWith("..") || path.isAbsolute(relative) ? file : relative);
}

/** Local time to the second, without characters that some file systems do not allow. */
function timestamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

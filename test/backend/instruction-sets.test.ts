// The linker keeps one copy of a function that files for different instruction sets share, with the instructions of either. On processors that
// lack them it would crash the program (native/cpu/vec.h).
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const built = path.join(import.meta.dirname, "../../native/build/CMakeFiles");

/** Symbols of an object that the linker may take from any file that has them: weak ones, W and V, and unique ones, u. */
function shared(object: string): string[] {
  const { stdout, stderr, status } = spawnSync("nm", ["--defined-only", "-C", object], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(stderr);
  return stdout.split("\n").filter((line) => /^\S* [WVu] /.test(line));
}

it("files for one instruction set share no function with others", (test) => {
  if (process.platform !== "linux" || process.arch !== "x64" || !existsSync(built)) test.skip("needs a build on Linux for x64");
  if (spawnSync("nm", ["--version"]).error) test.skip("nm is not installed");
  const objects = readdirSync(built, { recursive: true, encoding: "utf8" }).filter((name) => /\.avx\w*\.cpp\.o$/.test(name));
  expect(objects.length).toBeGreaterThan(20);
  expect(objects.flatMap((object) => shared(path.join(built, object)).map((line) => `${object}: ${line}`))).toEqual([]);
});

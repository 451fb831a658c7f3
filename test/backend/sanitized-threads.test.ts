// The pool of threads under ThreadSanitizer, which ends the program at the first race: several callers at once, nested loops, exceptions, another
// number of threads meanwhile, and flags that stop loops.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, it } from "vitest";

const program = fileURLToPath(new URL("../../native/build/testing/thread_pool", import.meta.url));
const missing = existsSync(program) ? null : "run by `npm test` on Linux with g++ and ThreadSanitizer, which builds it";
const run = (...args: string[]) => spawnSync(program, args, { encoding: "utf8", env: { ...process.env, TSAN_OPTIONS: "halt_on_error=1:exitcode=66" } });

beforeEach((test) => {
  if (missing) test.skip(missing);
});

it("has no race, and does every chunk once", () => {
  const { status, stderr } = run();
  expect([stderr, status]).toEqual(["", 0]);
});

it("a planted race ends the program with a report", () => {
  const { status, stderr } = run("planted");
  expect(stderr).toMatch(/WARNING: ThreadSanitizer: data race[\s\S]* planted /);
  expect(status).toBe(66);
});

// The emulated tiles, on which every test of the variant `amx` stands on processors without AMX (native/testing/tiles).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const program = fileURLToPath(new URL("../../native/build/testing/emulated_tiles", import.meta.url));
const missing = existsSync(program) ? null : "run by `npm test` on Linux for x64, which builds it";

it("emulated tiles compute what AMX does, and refuse what it would do slowly or not at all", (test) => {
  if (missing) test.skip(missing);
  const { status, stdout } = spawnSync(program, { encoding: "utf8" });
  expect(stdout).toMatch(/^(compared with the processor's tiles|this processor has no tiles)\n$/);
  expect(status).toBe(0);
});

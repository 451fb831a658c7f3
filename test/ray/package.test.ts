import { resolve } from "node:path";
import { expect, test } from "vitest";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { LAST_ENTRY, pack } from "../../src-main/ray/package";

const root = resolve(import.meta.dirname, "../..");

test.skipIf(process.platform !== "linux")("what says that the program is whole is unpacked after all that a job needs", () => {
  const { entries } = pack({
    root,
    recipe: parseRecipe({ data: { path: "bundled" }, student: { model: "vit_micro_patch4_32" } }),
    dataThere: null,
    node: "ship",
  });
  const names = entries.map(({ name }) => name);
  expect(names.indexOf(LAST_ENTRY)).toBe(names.length - 1);
  expect(names).toEqual(expect.arrayContaining(["node", "out/ray/job.cjs", "out/cli/distill.cjs", "package.json"]));
});

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { programFrom } from "../../src-main/cli/started-from";
import { runWith } from "./fake-engine";

let parent: string;
beforeEach(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), "distill-from-")));
  for (const folder of ["root/docs", "root/other/node_modules", "elsewhere"]) mkdirSync(join(parent, folder), { recursive: true });
  writeFileSync(join(parent, "root", "package.json"), "{}");
});
afterEach(() => rmSync(parent, { recursive: true }));

const from = (...folders: string[]) =>
  programFrom(
    join(parent, "root"),
    folders.map((each) => join(parent, each)),
  ).join(" ");

it("is npx in the project and its folders, and node with a path where npx would ask the registry", () => {
  const byPath = `node ${join(parent, "root", "build", "distill.mjs")}`;
  expect([from("root"), from("root/docs")]).toEqual(["npx distill", "npx distill"]);
  expect([from("elsewhere"), from("root/other"), from("root", "elsewhere")]).toEqual([byPath, byPath, byPath]);
});

it("is in the commands and examples that are printed", async () => {
  const program = ["node", "/a b/distill.mjs"];
  const { err } = await runWith({ attach: () => null }, ["runs", "stop", "run"], { program });
  expect(err).toContain("node '/a b/distill.mjs' runs show run says what it has done");
  const { out } = await runWith({}, ["train", "--help"], { program });
  expect(out).toContain("Example:\n  node '/a b/distill.mjs' train --recipe");
});

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installedProgram, programFrom } from "../../src-main/cli/started-from";
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

it("is the command of an installed app: by its name where the PATH has a link to it, else by its place", () => {
  for (const folder of ["app/bin", "usr/bin", "other/bin"]) mkdirSync(join(parent, folder), { recursive: true });
  for (const command of ["app/bin/distill", "other/bin/distill"]) writeFileSync(join(parent, command), "");
  symlinkSync("../../app/bin/distill", join(parent, "usr/bin/distill"));
  const by = (...folders: string[]) =>
    installedProgram(join(parent, "app/distill-studio"), [join(parent, "none"), ...folders.map((each) => join(parent, each))]);
  expect([by("usr/bin"), by("app/bin")]).toEqual([["distill"], ["distill"]]);
  expect([by(), by("other/bin")]).toEqual([[join(parent, "app/bin/distill")], [join(parent, "app/bin/distill")]]);
});

it("is in the commands and examples that are printed", async () => {
  const program = ["node", "/a b/distill.mjs"];
  const { err } = await runWith({ attach: () => null }, ["runs", "stop", "run"], { program });
  expect(err).toContain("node '/a b/distill.mjs' runs show run says what it has done");
  const { out } = await runWith({}, ["train", "--help"], { program });
  expect(out).toContain("Example:\n  node '/a b/distill.mjs' train --recipe");
});

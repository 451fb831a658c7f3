import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killed, lasting, randomOf, undisturbed, writeStormRecipe } from "./storm";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-storm-"));
  writeStormRecipe(cwd);
});
afterAll(() => rmSync(cwd, { recursive: true }));

test("a sweep that is killed five times, in all its processes, ends as one that was not", async () => {
  await undisturbed(cwd, "sweep", "whole");
  await killed(cwd, "sweep", "killed", 5, randomOf(1));
  expect(lasting(cwd, "killed")).toEqual(lasting(cwd, "whole"));
}, 180_000);

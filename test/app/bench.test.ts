/** The main act with the list of runs: change a recipe, compare with a baseline, find, name, delete and bring back, by keyboard where a person would. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test, vi } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { noDesktop, PATIENCE_MS } from "./launch";
import { oneStudio } from "./one-studio";

vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS });

const one = oneStudio("bench-app", async () => {
  const { recipe } = presetOf("quick-look");
  const short = { ...recipe, name: "first", data: { ...recipe.data, trainLimit: 32, testLimit: 16 }, train: { ...recipe.train, batchSize: 8, epochs: 2 } };
  writeFileSync(path.join(one.home, "recipe.json"), JSON.stringify(short));
  expect((await distill(["compare", "--recipe", "recipe.json", "--seeds", "1", "--out", "runs/first"], one.home)).status).toBe(0);
});

test.skipIf(noDesktop !== null)("a recipe is changed and trained, compared with the first, found, named, deleted and brought back", async () => {
  const { studio } = one;
  const { page } = studio;
  const rows = () => page.locator("tbody tr:not(.space)").count();
  await studio.go("runs");
  await studio.act("first", "Take as baseline");
  await studio.sees("Baseline");
  expect(JSON.parse(readFileSync(one.inHome("runs", "first", "about.json"), "utf8"))).toMatchObject({ baseline: true });

  await studio.act("first", "Duplicate and change");
  await studio.sees(/^The form has the recipe of first/);
  await page.getByRole("textbox", { name: "Temperature", exact: true }).fill("8");
  await studio.press("Start training");
  await studio.trainingIs("Finished");
  await studio.go("runs");
  // "T 0.212 → 8", and how much better the student is, with what that rests on.
  await studio.sees(/^T [\d.]+ → 8$/);
  await studio.sees(/^[+−][\d.]+ points \(95 %: [+−][\d.]+ to [+−][\d.]+\)$/);

  await page.getByRole("textbox", { name: "Filter" }).fill("temperature=8");
  await studio.sees("1 of 2 runs");
  expect(await rows()).toBe(1);
  await studio.press("Actions for first");
  for (const key of ["ArrowDown", "ArrowUp", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("textbox", { name: "Name" }).fill("hotter");
  await page.getByRole("textbox", { name: "Note" }).fill("T 8, as in the paper");
  await page.keyboard.press("Tab");
  await studio.press("Save");
  await studio.sees("T 8, as in the paper");
  await page.getByRole("textbox", { name: "Filter" }).fill("paper");
  await studio.sees("1 of 2 runs");

  await studio.act("hotter", "Delete");
  await studio.sees(/^hotter is in the bin/);
  await page.getByRole("textbox", { name: "Filter" }).fill("");
  await studio.sees("1 run");
  expect(existsSync(one.inHome("runs", ".bin"))).toBe(true);
  await studio.press("Undo");
  await studio.sees("hotter is back.");
  await studio.sees("2 runs");

  for (const name of ["first", "hotter"]) await page.getByRole("checkbox", { name: `Choose ${name}` }).check();
  await studio.pickInDialogs(one.inHome("both.json"));
  await studio.press("Report on the chosen runs");
  await page.getByRole("menuitem", { name: "Report: Data (JSON)" }).click();
  await studio.sees(/^Report written to /);
  expect(JSON.parse(readFileSync(one.inHome("both.json"), "utf8")).runs).toHaveLength(4);
  await page.getByRole("group", { name: "Chosen runs" }).getByRole("button", { name: "Delete" }).click();
  await studio.sees(/^2 runs are in the bin/);
  await studio.press("Undo");
  await studio.sees("2 runs are back.");

  const out = one.inHome("model");
  await studio.act("hotter", "Export model for other programs");
  await studio.pickInDialogs(out);
  await studio.press("Choose where ...");
  await studio.sees(/written to .*model/);
  expect(readdirSync(out).sort()).toEqual(["README.md", "config.json", "model.safetensors"]);
  expect(studio.complaints).toEqual([]);
});

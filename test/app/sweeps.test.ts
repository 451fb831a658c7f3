/** Sweeps and searches from the form: started beside the button, followed live, and shown as a whole. */
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { noDesktop, PATIENCE_MS } from "./launch";
import { oneStudio } from "./one-studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: PATIENCE_MS });

const one = oneStudio("sweeps");

test.skipIf(noDesktop !== null)("numbers of labels with two seeds, then a search: which training is under way, and all of them", async () => {
  const { studio } = one;
  const { page } = studio;
  const kind = page.getByLabel("What to run");
  const fill = (label: string, value: string) => page.getByRole("textbox", { name: label, exact: true }).fill(value);

  await studio.startShortRun({ trainImages: 64, epochs: 2, labels: "16, 32", seeds: 2 });
  await studio.sees(/^(16 labels, seed 0, 1|16 labels, seed 1, 2) of 4 · /);
  await studio.trainingIs("Finished");
  await studio.sees(/^Training of 4 comparisons finished\./);
  await studio.press("All comparisons");
  await studio.sees("quick look, at 2 numbers of labels, 4 comparisons");
  for (const labels of [16, 32]) await page.getByRole("row", { name: new RegExp(`^${labels} [\\d.]+ % [\\d.]+ % .* 2$`) }).waitFor();

  await page.getByRole("button", { name: "Predict", exact: true }).last().click();
  expect(await studio.current()).toBe("Predict");
  await page
    .getByRole("button", { name: /^Predict a sample: / })
    .first()
    .click();
  await page.getByRole("list", { name: "Probabilities by Student" }).waitFor();
  await studio.go("runs");
  await studio.press("quick look, at 2 numbers of labels, 4 comparisons");

  await studio.pickInDialogs(one.inHome("labels.json"));
  await page.getByRole("button", { name: /^Export / }).click();
  await page.getByRole("menuitem", { name: "Report: Data (JSON)" }).click();
  await studio.sees(/^Report written to /);
  expect(JSON.parse(readFileSync(one.inHome("labels.json"), "utf8")).runs).toHaveLength(8);

  await studio.press("Duplicate and change");
  expect(await kind.inputValue()).toBe("labels");
  expect(await page.getByRole("textbox", { name: "Numbers of labels", exact: true }).inputValue()).toBe("16, 32");
  await kind.selectOption("Search for settings");
  await fill("Trials", "none");
  await studio.alert("Enter a whole number from 1 to 10,000.");
  expect(await page.getByRole("button", { name: "Start training" }).isDisabled()).toBe(true);
  await fill("Trials", "3");
  await fill("Batches of each", "4");
  await studio.press("Start training");
  await studio.sees(/^Trial [123], .* of 3/);
  await studio.trainingIs("Finished");
  await studio.press("All trials");
  await studio.sees(/^Judged on \d+ validation images/);
  expect(await page.getByRole("button", { name: /^Trial \d, / }).count()).toBe(3);
  expect(studio.complaints).toEqual([]);
});

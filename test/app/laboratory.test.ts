/** The laboratory of a run, live and opened: the test images whose answers are followed epoch by epoch. */
import { rmSync, writeFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { noDesktop, PATIENCE_MS } from "./launch";
import { oneStudio } from "./one-studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: 3 * PATIENCE_MS });

const one = oneStudio("laboratory", async () => {
  const { recipe } = presetOf("quick-look");
  for (const name of ["earlier", "damaged"]) {
    const short = { ...recipe, name, data: { ...recipe.data, trainLimit: 32, testLimit: 16 }, train: { ...recipe.train, batchSize: 8, epochs: 2 } };
    writeFileSync(inHome(`${name}.json`), JSON.stringify(short));
    expect(await distill(["compare", "--recipe", `${name}.json`, "--seeds", "1", "--out", `runs/${name}`], one.home)).toMatchObject({ status: 0 });
  }
  for (const folder of ["", "control", "student"]) rmSync(inHome("runs", "earlier", folder, "predictions"), { recursive: true });
  writeFileSync(inHome("runs", "damaged", "student", "predictions", "examples.csv"), "epoch,image,class,cat\n1,0,cat\n");
});
const { inHome } = one;

const epochShown = () => one.studio.page.getByTestId("examples-epoch").textContent();
/** What is said of the first image. */
const firstImage = () => one.studio.page.getByRole("button", { name: /^Image 1, / });

test.skipIf(noDesktop !== null)("eight test images follow the run, can be scrubbed by keyboard, and open large", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.startShortRun({ trainImages: 160, epochs: 6 });
  // The teacher answers before the arms have learned anything.
  await firstImage().waitFor();
  expect(await page.getByRole("button", { name: /^Image \d, / }).count()).toBe(8);
  await studio.trainingIs("Finished");
  await expect.poll(epochShown, { timeout: PATIENCE_MS }).toBe("Epoch 6 of 6");
  const last = await firstImage().getAttribute("aria-label");
  expect(last).toMatch(/^Image 1, \w+\. Teacher (right|wrong, says \w+), true class [\d.]+ %\. Control .* Student .* %\. Open it large\.$/);

  const slider = page.getByRole("slider", { name: "Epoch that the test images show" });
  await slider.focus();
  await page.keyboard.press("Home");
  expect(await epochShown()).toBe("Epoch 1 of 6");
  expect(await firstImage().getAttribute("aria-label")).not.toBe(last);
  await page.keyboard.press("ArrowRight");
  expect(await slider.getAttribute("aria-valuetext")).toBe("Epoch 2 of 6");
  await studio.press("Last epoch");
  expect([await epochShown(), await firstImage().getAttribute("aria-label")]).toEqual(["Epoch 6 of 6", last]);

  await page.getByRole("checkbox", { name: /^Teacher at the run’s temperature/ }).check();
  await firstImage().press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("list", { name: "Probabilities by Teacher" }).waitFor();
  expect(await dialog.getByRole("list", { name: "Probabilities by Student" }).getByRole("listitem").count()).toBe(10);
  expect(await dialog.getByRole("img", { name: /^Probability of \w+: Control epoch 1 / }).count()).toBe(1);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(studio.complaints).toEqual([]);
});

test.skipIf(noDesktop !== null)("a sweep has test accuracy over its seeds, and the machine is measured while it is trained", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.startShortRun({ trainImages: 320, epochs: 10, seeds: 2 });
  await studio.trainingIs("Running");
  await page.getByRole("tab", { name: "Machine" }).click();
  await page.getByTestId("processors").waitFor();
  expect(await page.getByTestId("processors").textContent()).toMatch(/^[\d.]+ of \d+ threads? busy$/);
  expect(await page.getByTestId("memory").textContent()).toMatch(/process [\d.]+ [GM]iB.*tensors [\d.]+ [GM]iB/s);
  // Once the first seed is trained, the second one is shown beside it.
  await studio.sees(/Mean, and lowest to highest, over the seeds that have the epoch: .*1 /);
  await studio.trainingIs("Finished");
  await studio.sees("over the seeds that have the epoch: 2 seeds in epochs 1 to 10.");
  expect(await studio.chart("Test accuracy").getAttribute("aria-label")).toMatch(/Control, mean [\d.]+ %, Student, mean [\d.]+ %/);
  await page.getByLabel("Seeds of the test accuracy").selectOption("This seed");
  await expect.poll(() => one.studio.chart("Test accuracy").getAttribute("aria-label")).toMatch(/: Control [\d.]+ %, Student [\d.]+ %/);

  await studio.go("runs");
  await studio.press(/^quick look, over 2 seeds$/);
  await studio.press(/^Seed 0/);
  // The page of one seed begins with its own curve.
  await expect.poll(() => one.studio.chart("Test accuracy").getAttribute("aria-label")).toMatch(/: Control [\d.]+ %, Student [\d.]+ %/);
  await page.getByLabel("Seeds of the test accuracy").selectOption("All seeds");
  await studio.sees("over the seeds that have the epoch: 2 seeds in epochs 1 to 10.");
  await page.getByRole("tab", { name: "Machine" }).click();
  await studio.sees("They are not kept with it.");
  expect(studio.complaints).toEqual([]);
});

test.skipIf(noDesktop !== null)("a run that keeps none says so, and files that cannot be read are named", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.go("runs");
  await studio.press(/^earlier$/);
  await studio.sees("This run keeps no answers to single images");
  await studio.go("runs");
  await studio.press(/^damaged$/);
  expect(await studio.alert("The test images cannot be shown.")).toContain("examples.csv is damaged: line 2");
  // The rest is there.
  await studio.chart("Test accuracy").waitFor();
  expect(await page.getByRole("button", { name: /^Image 1, / }).count()).toBe(1);
  expect(studio.complaints).toEqual([]);
});

/** A folder of one's own photos, without a split: its teacher is trained over the bundled backbone, a comparison with it runs, and the reports say what came of it. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test, vi } from "vitest";
import { PHOTO_CLASSES, writePhotos } from "../own-photos";
import { textOf } from "../runs/page-text";
import { noDesktop, PATIENCE_MS } from "./launch";
import { oneStudio } from "./one-studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: PATIENCE_MS });

const PER_CLASS = 25;
const [TRAINING, TEST] = [120, 30];

const one = oneStudio("own-photos", async () => {
  mkdirSync(path.join(one.home, "photos"));
  await writePhotos(path.join(one.home, "photos"), PER_CLASS);
});

/** What the system is asked to open, in place of opening it. */
async function opened(press: () => Promise<void>): Promise<string> {
  await one.app.evaluate(({ shell }) => {
    shell.openPath = async (file) => {
      Object.assign(globalThis, { opened: file });
      return "";
    };
  });
  await press();
  const file = () => one.app.evaluate(() => (globalThis as { opened?: string }).opened);
  await expect.poll(file).toMatch(/report\.html$/);
  return textOf(readFileSync((await file())!, "utf8"));
}

test.skipIf(noDesktop !== null)("photos of six classes get a teacher, a comparison and its report", async () => {
  const { studio } = one;
  const { page } = studio;

  await studio.drop(one.inHome("photos"), "Use as data");
  await studio.sees("A folder for each class, without a split");
  expect(await page.getByTestId("train-count").textContent()).toBe(String(TRAINING));
  for (const name of PHOTO_CLASSES) await studio.sees(name);

  await studio.go("setup");
  const card = page.getByRole("region", { name: "Train a teacher here" });
  await card.getByText("a last layer for the 6 classes of your data").waitFor();
  await card.getByText(/^About .+ with tf_efficientnet_lite0 at 160 px$/).waitFor();
  await card.getByRole("button", { name: "Train the teacher" }).click();
  const ready = card.getByText(/^The teacher is ready, and chosen below: ([\d.]+) % of the test images are right/);
  await ready.waitFor();
  const right = /below: ([\d.]+) %/.exec((await ready.textContent())!)![1]!;
  expect(Number(right)).toBeGreaterThan(50);
  expect(await ready.textContent()).toContain("The form is set up for a first comparison");
  await card.getByText("How it was made").click();
  await card.getByText(/weight decay/).waitFor();
  const ofTeacher = await opened(() => card.getByRole("button", { name: "Open the report" }).click());
  expect(ofTeacher).toContain(`${right} % of the ${TEST} test images are classified correctly`);
  for (const name of PHOTO_CLASSES) expect(ofTeacher).toContain(name);

  const plan = page.getByRole("complementary", { name: "Summary" });
  await plan.getByText("160 px, teacher.safetensors").waitFor();
  await plan.getByText("Feature guidance").waitFor();
  await page.getByRole("textbox", { name: "Epochs", exact: true }).fill("2");
  await studio.press("Start training");
  await studio.trainingIs("Finished");
  expect(await studio.chart("Test accuracy").getAttribute("aria-label")).toMatch(/Control [\d.]+ %, Student [\d.]+ %, Teacher [\d.]+ %/);
  await studio.sees("Same start, same batches");
  await page
    .getByTestId("verdict")
    .getByText(/^(The teacher|No difference shown yet|Nothing shown either way).*30 test images/)
    .waitFor();

  const report = await opened(() => studio.press("Open report"));
  expect(report).toContain("taught by tf_efficientnet_lite0");
  expect(report).toContain("resnet20_cifar10");
  expect(report).toMatch(/Control .+Student .+Difference [+−±][\d.]+ points/);
  expect(report).toMatch(new RegExp(`fitted to the same ${TRAINING} labels`));
  for (const name of PHOTO_CLASSES) expect(report).toContain(name);
  expect(studio.complaints).toEqual([]);
});

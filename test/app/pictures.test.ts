/** "Your pictures": a folder with all that may be wrong with it is understood, repaired, and used. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { expect, test, vi } from "vitest";
import { noDesktop, PATIENCE_MS } from "./launch";
import { oneStudio } from "./one-studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: PATIENCE_MS });

const one = oneStudio("pictures", async () => {
  await makePictures(inHome("pets"));
  mkdirSync(inHome("one-class", "cat"), { recursive: true });
  copyFileSync(inHome("pets", "cat", "0.png"), inHome("one-class", "cat", "0.png"));
  mkdirSync(inHome("nothing"));
  for (const [name, like] of Object.entries({ bark: "cat", moss: "dog" })) {
    mkdirSync(inHome("woods", name), { recursive: true });
    for (const n of [0, 1, 2, 3]) copyFileSync(inHome("pets", like, `${n}.png`), inHome("woods", name, `${n}.png`));
  }
});
const { inHome } = one;

/** 30 cats, of which two are copies and one is a dog too, and 5 dogs; a text and a broken file. */
async function makePictures(folder: string): Promise<void> {
  for (const [name, count] of Object.entries({ cat: 28, dog: 5 })) {
    mkdirSync(path.join(folder, name), { recursive: true });
    for (let n = 0; n < count; n++) {
      const background = { r: 9 * n, g: name === "cat" ? 90 : 180, b: 255 - 9 * n };
      await sharp({ create: { width: 70, height: 60, channels: 3, background } })
        .png()
        .toFile(path.join(folder, name, `${n}.png`));
    }
  }
  for (const n of [0, 1, 2, 3]) copyFileSync(path.join(folder, "cat", `${n}.png`), path.join(folder, "cat", `copy-${n}.png`));
  copyFileSync(path.join(folder, "dog", "0.png"), path.join(folder, "cat", "dog.png"));
  writeFileSync(path.join(folder, "cat", "broken.png"), "no image");
  writeFileSync(path.join(folder, "notes.txt"), "no image");
}

const trainImages = async () => Number(await one.studio.page.getByTestId("train-count").textContent());

test.skipIf(noDesktop !== null)("a dropped folder is understood, and each thing that is wrong is settled by one press, and can be undone", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.drop(inHome("pets"), "Use as data");
  await studio.sees("things to look at");
  await studio.sees("A folder for each class, without a split");
  const all = await trainImages();
  await expect.poll(() => page.getByRole("region", { name: "Uneven classes" }).getByRole("listitem").allInnerTexts()).toHaveLength(2);
  await page.getByRole("region", { name: "Contradicting labels" }).getByRole("img").first().waitFor();

  for (const name of [/^Leave out the copies/, /^Skip it/, /^Leave them out of training: Contradicting/]) {
    await studio.press(name);
    await page.getByRole("button", { name }).waitFor({ state: "detached" });
  }
  await page.getByRole("region", { name: "Copies in training" }).getByText("left out, as").waitFor();
  const left = await trainImages();
  expect(left).toBeLessThan(all);

  // What was done is in the recipe, and stays when a preset is taken.
  await studio.go("setup");
  await studio.press(/^Quick look/);
  await studio.press("JSON");
  await studio.sees(/"skipContradictions": true/);
  await studio.go("data");
  await studio.press("Undo: Contradicting labels");
  await studio.press("Undo: Copies in training");
  await page.getByRole("button", { name: /^Leave out the copies/ }).waitFor();
  await page.getByRole("button", { name: /^Leave them out of training: Contradicting/ }).waitFor();
  expect(await trainImages()).toBe(all);

  await studio.pickInDialogs(inHome("left-out.csv"));
  await page.getByText("2 left out").click();
  await studio.press("Save the list");
  await studio.sees("The list is written to");
  expect(readFileSync(inHome("left-out.csv"), "utf8")).toMatch(/^path,reason\nnotes\.txt,[^\n]+\ncat\/broken\.png,/);
  expect(studio.complaints).toEqual([]);
});

test.skipIf(noDesktop !== null)("the teachers at hand are tested on these pictures, and one that fits is taken", async () => {
  const { studio } = one;
  const { page } = studio;
  await page.getByRole("button", { name: "Teacher", exact: true }).click();
  await page.getByText(/^About .+ with .+ at \d+ px$/).waitFor();
  const rows = page.getByRole("list", { name: "Teachers at hand" }).getByRole("listitem");
  for (const n of [0, 1])
    await rows
      .nth(n)
      .getByText(/of \d+ test images right/)
      .waitFor();
  await rows
    .filter({ has: page.getByText("resnet18_cifar10", { exact: true }) })
    .getByRole("button")
    .click();
  await rows.nth(0).getByText("Chosen").waitFor();
  await studio.go("setup");
  await studio.press("JSON");
  await studio.sees(/"model": "resnet18_cifar10"/);
  await studio.go("data");
  expect(studio.complaints).toEqual([]);
});

test.skipIf(noDesktop !== null)("the true class is told of a picture of these data, dropped or clicked", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.predict(inHome("pets", "dog", "3.png"));
  await studio.sees("True class: dog, outlined.");
  await page
    .getByText(/Right|Wrong/)
    .first()
    .waitFor();
  await studio.go("data");
  await page.getByRole("button", { name: /^Pictures/ }).click();
  await studio.press("Predict cat, image 1");
  await studio.sees("True class: cat, outlined.");
  await studio.predict(inHome("woods", "bark", "0.png"));
  await studio.sees("Image: 0.png.");
  expect(await page.getByText("True class").count()).toBe(0);
  await studio.go("data");
  await page.getByRole("button", { name: "Teacher", exact: true }).click();
  expect(studio.complaints).toEqual([]);
});

test.skipIf(noDesktop !== null)("teachers that do not fit are not offered, and say why", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.drop(inHome("woods"), "Use as data");
  // Other data show their pictures first.
  await studio.sees("A folder for each class, without a split");
  await page.getByRole("button", { name: "Teacher", exact: true }).click();
  await page.getByText("This teacher does not know your classes bark and moss").nth(1).waitFor();
  const buttons = page.getByRole("list", { name: "Teachers at hand" }).getByRole("button");
  expect(await buttons.evaluateAll((all) => all.map((button) => (button as unknown as { disabled: boolean }).disabled))).not.toContain(false);
  await page.getByRole("button", { name: /^Pictures/ }).click();
  await studio.drop(inHome("pets"), "Use as data");
  await studio.sees("A folder for each class, without a split");
});

test.skipIf(noDesktop !== null)("a folder that cannot be used is refused in words, and what was chosen stays", async () => {
  const { studio } = one;
  for (const [folder, words] of [
    ["one-class", "has one class only, cat/: expected a folder for each of at least two classes"],
    ["nothing", "is empty: expected the folders train/<class>/"],
  ] as const) {
    await studio.drop(inHome(folder), "Use as data");
    expect(await studio.alert(words)).toContain("The data chosen before stay");
  }
  await studio.sees("A folder for each class, without a split");
  expect(studio.complaints).toEqual([]);
});

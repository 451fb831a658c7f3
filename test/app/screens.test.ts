/** Each screen in each of its states: at every size that a window may have, in both themes, and by the rules of axe. The pictures are in test-results/screens. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ElectronApplication } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { seriousFindings } from "./axe";
import { endApp, launchDevelopmentApp, noDesktop, PATIENCE_MS } from "./launch";
import { Studio } from "./studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: 3 * PATIENCE_MS });

const PICTURES = path.resolve(import.meta.dirname, "../../test-results/screens");
/** Content of the window in pixels, and the zoom. */
const SIZES = {
  "900x600": { width: 900, height: 600, zoom: 1 },
  "1280x800": { width: 1280, height: 800, zoom: 1 },
  "1920x1080": { width: 1920, height: 1080, zoom: 1 },
  "1280x800-zoomed": { width: 1280, height: 800, zoom: 2 },
};
const THEMES = ["light", "dark"] as const;
/** Where things lie does not depend on the theme: in the dark, other sizes are for those who look at the pictures. */
const IN_THE_DARK = process.env.DISTILL_PICTURES === "all" ? Object.keys(SIZES) : ["1280x800"];

const flawsOfPage = readFileSync(path.join(import.meta.dirname, "in-page.js"), "utf8");

let home: string;
let app: ElectronApplication;
let studio: Studio;

const inHome = (...names: string[]) => path.join(home, ...names);

beforeAll(async () => {
  if (noDesktop !== null) return;
  home = mkdtempSync(path.join(os.tmpdir(), "distill-screens-"));
  rmSync(PICTURES, { recursive: true, force: true });
  mkdirSync(PICTURES, { recursive: true });
  await makeRuns();
  await makeImages();
  app = await launchDevelopmentApp(home);
  studio = await Studio.of(app);
});

afterAll(async () => {
  if (app) await endApp(app);
  if (home) rmSync(home, { recursive: true, force: true });
});

/** Comparisons of one seed and of two, one model that was trained alone, a sweep over labels and a search. */
async function makeRuns(): Promise<void> {
  const { recipe } = presetOf("quick-look");
  const short = { ...recipe, data: { ...recipe.data, trainLimit: 32, testLimit: 16 }, train: { ...recipe.train, batchSize: 8, epochs: 2 } };
  writeFileSync(inHome("recipe.json"), JSON.stringify(short));
  writeFileSync(inHome("alone.json"), JSON.stringify({ ...short, name: "one model, trained alone", teacher: null, distillation: null, control: null }));
  for (const args of [
    ["compare", "--recipe", "recipe.json", "--seeds", "2", "--out", "runs/two-seeds"],
    ["train", "--recipe", "alone.json", "--out", "runs/alone"],
    [
      "compare",
      "--recipe",
      "recipe.json",
      "--seeds",
      "1",
      "--set",
      "name=quick look, at other T",
      "--set",
      "distillation.temperature=8",
      "--out",
      "runs/other",
    ],
    ["compare", "--recipe", "recipe.json", "--seeds", "1", "--labels", "16,32", "--set", "name=few labels", "--out", "runs/labels"],
    ["search", "--recipe", "recipe.json", "--trials", "3", "--batches", "4", "--set", "name=found", "--out", "runs/found"],
  ])
    expect((await distill(args, home)).err).toContain("");
}

/** A folder of six classes, for which the bundled teacher was not made, and files that are left out. */
async function makeImages(): Promise<void> {
  const classes = ["a class with quite a long name", "bark", "cloud", "dune", "ember", "fern"];
  const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#3a7bd5" } })
    .jpeg()
    .toBuffer();
  for (const [index, name] of classes.entries())
    for (const part of ["train", "test"]) {
      mkdirSync(inHome("leaves", part, name), { recursive: true });
      for (let image = 0; image < 4 + index; image++) writeFileSync(inHome("leaves", part, name, `${image}.jpg`), picture);
    }
  writeFileSync(inHome("leaves", "train", "bark", "notes.txt"), "no image");
  for (const name of ["blue.jpg", "red.jpg"]) writeFileSync(inHome(name), picture);
}

async function resize({ width, height, zoom }: (typeof SIZES)[keyof typeof SIZES]): Promise<void> {
  await app.evaluate(
    ({ BrowserWindow }, [width, height, zoom]) => {
      const [window] = BrowserWindow.getAllWindows();
      window!.setContentSize(width!, height!);
      window!.webContents.setZoomFactor(zoom!);
    },
    [width, height, zoom],
  );
  await expect.poll(() => studio.page.evaluate("[innerWidth, innerHeight].join()")).toBe(`${width / zoom},${height / zoom}`);
}

/** Lets what is drawn once a frame be drawn. */
const nextFrame = () => studio.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");

/** In the pixels of the window, also where the page is enlarged. */
async function photograph(name: string): Promise<void> {
  const png = await app.evaluate(async ({ BrowserWindow }) => (await BrowserWindow.getAllWindows()[0]!.webContents.capturePage()).toPNG().toString("base64"));
  writeFileSync(path.join(PICTURES, name), Buffer.from(png, "base64"));
}

/** Looks at the state of a screen at each size and in each theme. */
async function look(state: string): Promise<void> {
  const flaws: string[] = [];
  // What is out of date is without colour for a moment.
  await expect.poll(() => studio.page.locator('[aria-busy="true"]').count(), { timeout: PATIENCE_MS }).toBe(0);
  for (const theme of THEMES) {
    await studio.page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const [size, bounds] of Object.entries(SIZES)) {
      if (theme === "dark" && !IN_THE_DARK.includes(size)) continue;
      await resize(bounds);
      await nextFrame();
      const found = theme === "light" ? await studio.page.evaluate<string[]>(`${flawsOfPage}; flawsOfPage()`) : [];
      flaws.push(...found.map((flaw) => `${size}: ${flaw}`));
      await nextFrame();
      await photograph(`${state}-${size}-${theme}.png`);
    }
    await resize(SIZES["1280x800"]);
    flaws.push(...(await seriousFindings(studio.page)).map((finding) => `${theme}: ${finding}`));
  }
  expect.soft(flaws, state).toEqual([]);
}

test.skipIf(noDesktop !== null)("nothing is cut off, covered or out of reach, and axe finds nothing serious", async () => {
  const { page } = studio;
  await look("data");
  await studio.go("setup");
  await look("setup");
  await studio.press(/^Article ViT/);
  await page.getByText("More settings").click();
  await look("setup-article-more");
  await studio.go("live");
  await look("live-idle");
  await studio.go("predict");
  await look("predict-empty");
  await studio.drop(inHome("blue.jpg"), "Predict these");
  await page.locator('[aria-busy="false"]').waitFor();
  await look("predict-one");
  await studio.drop([inHome("blue.jpg"), inHome("red.jpg")], "Predict these");
  await page.getByRole("button", { name: "red.jpg" }).click();
  await studio.sees("Image: red.jpg");
  await look("predict-several");
  await studio.go("runs");
  await studio.sees("over 2 seeds");
  await look("runs");
  await studio.press("Actions for one model, trained alone");
  expect(await seriousFindings(studio.page)).toEqual([]);
  await page.keyboard.press("Escape");
  await studio.act("one model, trained alone", "Rename, and write a note");
  await look("runs-note");
  await page.getByRole("textbox", { name: "Note" }).fill("without a teacher, to see what the labels alone give");
  await studio.press("Save");
  await studio.act("quick look, at other T", "Take as baseline");
  await studio.sees("Against quick look, at other T");
  for (const name of ["one model, trained alone", "quick look, at other T"]) await page.getByRole("checkbox", { name: `Choose ${name}` }).check();
  await studio.press("Compare curves");
  await studio.sees("Students of the chosen runs");
  await look("runs-bench");
  await studio.press("Choose none");
  await page.getByRole("textbox", { name: "Filter" }).fill("no such run");
  await look("runs-none-found");
  await studio.press("Show all runs");
  await studio.press(/^few labels, at 2 numbers/);
  await studio.sees("Test accuracy by number of labels");
  await look("runs-labels");
  await studio.press("All runs");
  await studio.press(/^found, 3 trials/);
  await studio.sees("Trials by learning rate");
  await look("runs-search");
  await studio.press("All runs");
  await studio.press(/over 2 seeds/);
  await look("runs-seeds");
  await studio.press("All runs");
  await studio.act("one model, trained alone", "Delete");
  await studio.sees(/is in the bin/);
  await studio.press("Bin");
  await look("runs-bin");
  await studio.press(/^Restore/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "quick look, at other T", exact: true }).click();
  await studio.chart("Loss").waitFor();
  await page.getByRole("button", { name: /^Image 1, / }).waitFor();
  await look("runs-open");
  await page.getByRole("button", { name: /^Image 1, / }).click();
  await page.getByRole("list", { name: "Probabilities by Student" }).waitFor();
  await look("runs-open-image");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Predict", exact: true }).last().click();
  await page.getByRole("list", { name: "Probabilities by Student" }).waitFor();
  await look("predict-three");

  await studio.startShortRun({ trainImages: 160, epochs: 40 });
  await studio.stepsReach(12);
  await page.getByRole("tab", { name: "Machine" }).click();
  await page.getByTestId("processors").waitFor();
  // The system asks for little motion: nothing moves by itself, the mark of a run under way neither.
  expect(await page.evaluate("document.getAnimations().length")).toBe(0);
  await studio.press("Pause");
  await studio.trainingIs("Paused");
  await look("live-paused");
  await studio.go("setup");
  await look("setup-while-training");
  await studio.go("live");
  await studio.press("Stop");
  await studio.trainingIs("Stopped");
  await look("live-stopped");

  await studio.drop(inHome("leaves"), "Use as data", () => look("drop"));
  await studio.sees("left out");
  await look("data-own");
  await page.getByRole("button", { name: "Teacher", exact: true }).click();
  await page.getByText("and 3 more").nth(1).waitFor();
  await page.getByText("Being tested").waitFor({ state: "detached" });
  await look("data-teacher");
  await page.getByRole("button", { name: /^Pictures/ }).click();
  await studio.go("setup");
  await look("setup-own");
  expect(studio.complaints).toEqual([]);
});

test.skipIf(noDesktop !== null)("what a run needs is looked at before it begins, and a long batch keeps nobody waiting", async () => {
  const { page } = studio;
  const start = page.getByRole("button", { name: "Start training" });
  await studio.alert("was trained for other classes than the data has");
  expect(await start.isDisabled()).toBe(true);

  await page.getByRole("checkbox", { name: "Learn from a teacher" }).uncheck();
  renameSync(inHome("leaves"), inHome("gone"));
  await start.click();
  await studio.alert("leaves does not exist");
  await studio.press("Back to set up");
  await studio.alert("The chosen data cannot be read.");
  renameSync(inHome("gone"), inHome("leaves"));

  await studio.go("data");
  await studio.press(/^Bundled sample/);
  await page.getByTestId("train-count").waitFor();
  await studio.startLongBatch();
  await studio.trainingIs("Running");
  await studio.drop(inHome("leaves"), "Use as data");
  await studio.sees("1 left out");
  await studio.go("live");
  await studio.press("Stop");
  await studio.trainingIs("Stopped");
  await studio.sees("No batch was trained");
  expect(studio.complaints).toEqual([]);
});

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ElectronApplication } from "playwright-core";
import sharp from "sharp";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { electronNotice } from "../../src-main/app/electron-notice";
import { HOST_CALLS } from "../../src-main/contract/host";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { endApp, launchDevelopmentApp, noDesktop, PATIENCE_MS } from "./launch";
import { batchesOf, Studio } from "./studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS });

let home: string;
let running: ElectronApplication[];

beforeEach(({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  home = mkdtempSync(path.join(os.tmpdir(), "distill-app-"));
  running = [];
});

afterEach(async () => {
  for (const app of running) await endApp(app);
  rmSync(home, { recursive: true, force: true });
});

test("the window says that this Electron is past its end of life, if it is", async () => {
  const { app, page } = await openStudio();
  const notice = electronNotice(await app.evaluate(() => process.versions.electron!));
  expect(await page.getByText("past its end of life").count()).toBe(notice ? 1 : 0);
});

async function openStudio(): Promise<Studio> {
  const app = await launchDevelopmentApp(home);
  running.push(app);
  return Studio.of(app);
}

/** The part of an image element used here. */
type Picture = { naturalWidth: number };

/** What Electron's types leave out of WebContents. */
type Confined = { getLastWebPreferences(): object };

const inHome = (name: string) => path.join(home, name);

async function writePicture(name: string): Promise<string> {
  await sharp({ create: { width: 300, height: 200, channels: 3, background: "#3a7bd5" } })
    .jpeg()
    .toFile(inHome(name));
  return inHome(name);
}

test("an experiment, from the bundled data to a report", async () => {
  const studio = await openStudio();
  const { page } = studio;
  expect(await page.getByTestId("train-count").textContent()).toBe("5,000");
  await studio.sees("508 training, 103 test");
  const thumbnails = page.getByRole("button", { name: /^Predict \w+, image \d$/ }).locator("img");
  await expect.poll(() => thumbnails.evaluateAll((images) => images.filter((image) => (image as Picture).naturalWidth === 32).length)).toBe(80);

  await studio.go("setup");
  await studio.sees(/^(No GPU is used: .+|.+ GiB, compute capability .+)/);

  const run = { trainImages: 160, epochs: 2 };
  await studio.startShortRun(run);
  await studio.stepsReach(1);
  expect(await studio.steps("Loss")).toBeLessThan(batchesOf(run));
  await studio.sees(/\d+ s$/);
  await studio.sees(/of 80 batches/);
  await studio.trainingIs("Finished");
  await studio.stepsAre(batchesOf(run));
  expect(await studio.chart("Loss").getAttribute("aria-label")).toMatch(/Control \d\.\d+, Student \d\.\d+, 40 batches/);
  expect(await studio.chart("Test accuracy").getAttribute("aria-label")).toMatch(/Control [\d.]+ %, Student [\d.]+ %, Teacher [\d.]+ %/);
  await studio.sees("Same start, same batches");

  await studio.press("Predict with it");
  await studio.predict(await writePicture("blue.jpg"));
  for (const network of ["Teacher", "Control", "Student"]) {
    const values = [...(await studio.bars(network)).values()];
    expect(values).toHaveLength(10);
    expect(values.reduce((sum, value) => sum + value)).toBeCloseTo(100, 0);
  }
  const seen = page.getByRole("img", { name: "What the network saw" });
  await expect.poll(() => seen.evaluateAll((images) => images.map((image) => (image as Picture).naturalWidth))).toEqual([32, 32, 32]);

  await exportReport(studio, "report.html");
  await printReport(studio);
  expect(studio.complaints).toEqual([]);
});

async function exportReport(studio: Studio, name: string): Promise<void> {
  await studio.go("runs");
  await studio.press(/^quick look$/);
  await studio.chart("Test accuracy").waitFor();
  await studio.pickInDialogs(inHome(name));
  // By keyboard: arrow keys alone export nothing.
  await studio.page.getByRole("button", { name: "Export quick look" }).press("Enter");
  await studio.page.keyboard.press("ArrowDown");
  await studio.page.keyboard.press("ArrowUp");
  expect(await studio.page.getByRole("menuitem", { name: "Web page" }).evaluate((item) => item === item.ownerDocument.activeElement)).toBe(true);
  expect(existsSync(inHome(name))).toBe(false);
  await studio.page.keyboard.press("Enter");
  await studio.sees(`Report written to ${inHome(name)}`);
  const report = readFileSync(inHome(name), "utf8");
  expect(report).toContain("<!doctype html>");
  expect(report).toContain("quick look");
}

/** A document of pages, and a picture of the whole page in light colours. */
async function printReport(studio: Studio): Promise<void> {
  const print = async (format: string, name: string) => {
    await studio.pickInDialogs(inHome(name));
    await studio.page.getByRole("button", { name: "Export quick look" }).press("Enter");
    await studio.page.getByRole("menuitem", { name: format }).click();
    await studio.sees(`Report written to ${inHome(name)}`);
    return readFileSync(inHome(name));
  };
  const pdf = await print("PDF", "report.pdf");
  expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  expect(pdf.toString("latin1").match(/\/Type \/Page\b/g)!.length).toBeGreaterThan(1);
  const picture = sharp(await print("Picture (PNG)", "report.png"));
  const { width, height } = await picture.metadata();
  expect(width).toBeGreaterThan(2 * 1080);
  expect(height).toBeGreaterThan(width);
  const corner = await picture.extract({ left: 0, top: 0, width: 1, height: 1 }).removeAlpha().raw().toBuffer();
  expect([...corner]).toEqual([0xf7, 0xf6, 0xf3]);

  const { status, err } = await distill(
    ["report", "--runs", path.join("runs", readdirSync(inHome("runs"))[0]!), "--format", "pdf", "--out", "by-command.pdf"],
    home,
  );
  expect(status, err).toBe(0);
  expect(readFileSync(inHome("by-command.pdf")).subarray(0, 5).toString()).toBe("%PDF-");
}

test("a teacher that is made here is the one of the form", async () => {
  const studio = await openStudio();
  await studio.makeTeacher(path.resolve("assets/teacher/resnet20_cifar10.safetensors"), 200);
  await studio.sees("32 px, teacher.safetensors");
  expect(studio.complaints).toEqual([]);
});

test("the temperature changes the soft labels immediately, without the engine", async () => {
  const studio = await openStudio();
  await studio.predict(await writePicture("blue.jpg"));
  const plain = await studio.bars("Bundled teacher");
  await endEngine(studio);
  await studio.alert("The engine ended unexpectedly");

  const slider = studio.page.getByRole("slider", { name: /^Temperature/ });
  await slider.press("End");
  expect(await studio.page.getByTestId("temperature").textContent()).toBe("20");
  const soft = await studio.bars("Bundled teacher");
  const [first] = plain.keys();
  expect(soft.get(first!)).toBeLessThan(plain.get(first!)!);
  expect(Math.min(...soft.values())).toBeGreaterThan(Math.min(...plain.values()));

  await slider.press("Home");
  expect((await studio.bars("Bundled teacher")).get(first!)).toBeGreaterThan(plain.get(first!)!);
  await studio.press("Back to 1");
  expect(await studio.bars("Bundled teacher")).toEqual(plain);
});

test("a run over several seeds pauses, is stopped by closing the window, is resumed another day, and gets one more", async () => {
  const studio = await openStudio();
  const run = { trainImages: 80, epochs: 3, seeds: 2 };
  await studio.startShortRun(run);
  await studio.stepsReach(1);
  await studio.press("Pause");
  await studio.trainingIs("Paused");
  const paused = await stepsAfterPredicting(studio, "first.jpg");
  expect(await stepsAfterPredicting(studio, "second.jpg")).toBe(paused);
  await studio.press("Continue");
  await studio.stepsReach(paused + 1);

  await studio.app.evaluate(({ BrowserWindow, dialog }) => {
    dialog.showMessageBox = async () => ({ response: 0, checkboxChecked: false });
    BrowserWindow.getAllWindows()[0]!.close();
  });
  await studio.app.waitForEvent("close", { timeout: PATIENCE_MS });
  expect(studio.complaints).toEqual([]);

  const later = await openStudio();
  await later.go("runs");
  await later.sees("Stopped");
  await later.press("Resume quick look with all its seeds");
  await later.sees(/^Training of 2 comparisons finished/);
  await later.stepsAre(batchesOf(run));
  await later.page.getByRole("textbox", { name: "More seeds" }).fill("1");
  await later.press("Add 1 seed");
  await later.sees(/^Training of 3 comparisons finished\. .* seed 2\./);
  await later.go("runs");
  await later.sees("quick look, over 3 seeds");
  expect(later.complaints).toEqual([]);
});

/** The engine answers in order: once the prediction is here, so is everything it sent about the run before. */
async function stepsAfterPredicting(studio: Studio, image: string): Promise<number> {
  await studio.predict(await writePicture(image));
  await studio.go("live");
  await studio.stepsReach(1);
  return studio.steps("Loss");
}

test("an engine that dies takes down neither the window nor the run", async () => {
  const studio = await openStudio();
  // So many that it is far from its end while the page is looked at.
  const run = { trainImages: 80, epochs: 20 };
  await studio.startShortRun(run);
  await studio.stepsReach(batchesOf({ ...run, epochs: 1 }) + 1);
  await studio.sees(/^Identical batches, verified up to batch/);
  await endEngine(studio);
  // The reason is not checked: Electron sometimes reports exit code 0 for a process that a signal ended.
  expect(await studio.alert("Restart the engine")).toContain("The engine ended unexpectedly");
  await studio.trainingIs("Failed");
  await studio.press("Restart the engine");
  await studio.press("Resume");
  await studio.trainingIs("Finished");
  await studio.stepsAre(batchesOf(run));
  expect(await studio.page.getByTestId("seal").textContent()).toBe("Same start, same batches");
  expect(await studio.page.getByRole("alert").count()).toBe(0);
});

test("a page that is reloaded follows the run that is under way, with whole curves", async () => {
  const studio = await openStudio();
  const run = { trainImages: 160, epochs: 3 };
  await studio.startShortRun(run);
  await studio.stepsReach(batchesOf({ ...run, epochs: 1 }) + 1);
  await studio.page.reload();
  await studio.stepsReach(batchesOf({ ...run, epochs: 1 }) + 2);

  await studio.press("Pause");
  await studio.trainingIs("Paused");
  const paused = await stepsAfterPredicting(studio, "paused.jpg");
  await studio.page.reload();
  await studio.trainingIs("Paused");
  await studio.stepsAre(paused);
  await studio.press("Continue");
  await studio.trainingIs("Finished");
  await studio.stepsAre(batchesOf(run));
  await studio.sees("Same start, same batches");
  const [folder] = readdirSync(inHome("runs"));
  const events = readFileSync(inHome(`runs/${folder}/student/events.jsonl`), "utf8");
  expect(events.match(/"type":"(started|resumed|stopped|finished)"/g)).toEqual(['"type":"started"', '"type":"finished"']);
  expect(studio.complaints).toEqual([]);
});

test("a run of the command line appears, is watched and stopped, and deleted once it has ended", async () => {
  const studio = await openStudio();
  const { recipe } = presetOf("quick-look");
  const long = { ...recipe, name: "by hand", data: { ...recipe.data, trainLimit: 160, testLimit: 16 }, train: { ...recipe.train, batchSize: 8, epochs: 500 } };
  writeFileSync(inHome("recipe.json"), JSON.stringify(long));
  await studio.go("runs");
  await studio.sees("No runs yet");
  const ended = distill(["compare", "--recipe", "recipe.json", "--seeds", "1", "--out", "runs/by-hand"], home, (_, child) =>
    onTestFinished(() => void child.kill()),
  );

  // On the screen that is open, without being asked again.
  await studio.sees(/^in the command line, process \d+$/);
  await studio.press("Watch by hand");
  await studio.trainingIs("Running");
  await studio.sees(/^Trained in the command line, process \d+ · Epoch \d+ of 500/);
  await studio.stepsReach(2);
  await studio.press("Pause");
  await studio.trainingIs("Paused");
  await studio.press("Stop");
  await studio.trainingIs("Stopped");
  expect((await ended).status).toBe(130);

  await studio.go("runs");
  await studio.act("by hand", "Delete");
  await studio.sees(/^by hand is in the bin/);
  await studio.sees("No runs yet");
  expect(readdirSync(inHome("runs"))).toEqual([".bin"]);
  await studio.press("Bin");
  await studio.press("Delete for good");
  await studio.page
    .getByRole("dialog", { name: /in the bin for good/ })
    .getByRole("button", { name: "Delete for good" })
    .click();
  await studio.sees("The bin is empty.");
  expect(readdirSync(path.join(inHome("runs"), ".bin"))).toEqual([]);
  expect(studio.complaints).toEqual([]);
});

async function endEngine({ app }: Studio): Promise<void> {
  const pid = await app.evaluate(({ app }) => app.getAppMetrics().find(({ name }) => name === "distill-engine")!.pid);
  process.kill(pid, "SIGKILL");
}

test("runs that were edited, damaged or killed early are told apart in the list, and resume", async () => {
  const { recipe } = presetOf("quick-look");
  const short = { ...recipe, data: { ...recipe.data, trainLimit: 16, testLimit: 8 }, train: { ...recipe.train, batchSize: 8, epochs: 2 } };
  writeFileSync(inHome("recipe.json"), JSON.stringify(short));
  for (const name of ["edited", "emptied", "early"])
    expect((await distill(["compare", "--recipe", "recipe.json", "--seeds", "1", "--set", `name=${name}`, "--out", `runs/${name}`], home)).status).toBe(0);
  const file = (...names: string[]) => path.join(home, "runs", ...names);
  const head = JSON.parse(readFileSync(file("edited", "control", "recipe.json"), "utf8"));
  writeFileSync(
    file("edited", "control", "recipe.json"),
    JSON.stringify({ ...head, recipe: { ...head.recipe, augment: { ...head.recipe.augment, crop: 4 } } }),
  );
  writeFileSync(file("emptied", "student", "recipe.json"), "");
  // As when the process died in the control's first epoch.
  const [started] = readFileSync(file("early", "control", "events.jsonl"), "utf8").split("\n");
  writeFileSync(file("early", "control", "events.jsonl"), `${started}\n`);
  for (const name of ["student", "comparison.json", "report.html", "control/checkpoint", "control/student.safetensors"])
    rmSync(file("early", name), { recursive: true });

  const studio = await openStudio();
  await studio.go("runs");
  await studio.sees(/edited\/control\/recipe\.json says augment\.crop 4, and the checkpoint 0/);
  await studio.sees(/emptied\/student\/recipe\.json is empty, as after a power loss: resume the run/);
  await studio.press(/^edited$/);
  await studio.sees(/says augment\.crop 4/);
  await expect.poll(() => studio.page.getByTestId("seal").textContent()).toBe("Evidence is damaged");
  await studio.press("All runs");
  await studio.press("Resume emptied");
  await studio.trainingIs("Finished");
  await studio.sees("student: recipe.json could not be read, as after a power loss, and was restored from the checkpoint");
  await studio.go("runs");
  await studio.press("Resume early");
  await studio.trainingIs("Finished");
  expect(await studio.page.getByTestId("seal").textContent()).toBe("Same start, same batches");
});

test("unusable data and images are explained", async () => {
  const studio = await openStudio();
  mkdirSync(inHome("empty"));
  await studio.pickInDialogs(inHome("empty"));
  await studio.press(/^Your own folder/);
  expect(await studio.alert("is empty: expected the folders train/<class>/")).toContain(inHome("empty"));
  await studio.go("setup");
  await studio.alert("The chosen data cannot be read.");
  expect(await studio.page.getByRole("button", { name: "Start training" }).isDisabled()).toBe(true);

  for (const part of ["train", "test"]) mkdirSync(inHome(`lonely/${part}/cat`), { recursive: true });
  await studio.drop(inHome("lonely"), "Use as data");
  await studio.alert("expected a folder for each of at least two classes");
  await studio.press("Use the bundled sample");
  await studio.page.getByTestId("train-count").waitFor();

  writeFileSync(inHome("fake.jpg"), "no pixels in here");
  await studio.drop(inHome("fake.jpg"), "Predict these");
  await studio.alert("fake.jpg");
  writeFileSync(inHome("notes.txt"), "neither");
  await studio.drop(inHome("notes.txt"), "Use as data");
  await studio.alert("Nothing here takes notes.txt");
  expect(studio.complaints).toEqual([]);
});

test("the page is isolated: sandboxed, without network, and other pages get no answers", async () => {
  const { app, page } = await openStudio();
  const preferences = await app.evaluate(({ BrowserWindow }) => (BrowserWindow.getAllWindows()[0]!.webContents as unknown as Confined).getLastWebPreferences());
  expect(preferences).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  });
  expect(await page.evaluate("[typeof require, typeof process]")).toEqual(["undefined", "undefined"]);
  expect((await page.evaluate<string[]>("Object.keys(host)")).sort()).toEqual([...HOST_CALLS, "onCommand", "onEnding", "onEngineExit", "pathForFile"].sort());

  const before = page.url();
  expect(await page.evaluate("location.href = 'https://example.com/'; open('https://example.com/')")).toBeNull();
  await expect(page.evaluate("fetch('https://example.com/')")).rejects.toThrow("Failed to fetch");
  expect(page.url()).toBe(before);
  expect(app.windows()).toHaveLength(1);

  expect(await page.evaluate("host.reveal('/etc/passwd')")).toMatchObject({ ok: false, message: expect.stringContaining("neither in the runs folder") });
  expect(await page.evaluate("host.setTheme('pink')")).toMatchObject({ ok: false, message: expect.stringContaining("setTheme") });
  expect(await answerToAnotherPage(app)).toEqual({ ok: false, message: "Only the app's own page may make this call." });
});

/** The answer to a window that is not the app's own, although it has the same preload. */
const answerToAnotherPage = (app: ElectronApplication) =>
  app.evaluate(async ({ app, BrowserWindow }) => {
    const other = new BrowserWindow({ show: false, webPreferences: { preload: `${app.getAppPath()}/out/app/preload.cjs`, sandbox: true } });
    await other.loadURL("app://distill/nothing.html");
    const answer = await other.webContents.executeJavaScript("host.environment()");
    other.destroy();
    return answer;
  });

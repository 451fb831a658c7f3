import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ElectronApplication } from "playwright-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { endApp, launchDevelopmentApp, noDesktop, PATIENCE_MS } from "./launch";
import { TakenOverPage } from "./taken-over";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS });

const ROOT = path.resolve(import.meta.dirname, "../..");
const recipe = {
  name: "ends",
  data: { path: "bundled", trainLimit: 96, testLimit: 16 },
  teacher: null,
  distillation: null,
  student: { model: "vit_micro_patch4_32" },
  train: { epochs: 12, batchSize: 4, warmupEpochs: 0 },
};

let home: string;
let running: ElectronApplication[];

beforeEach(({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  home = mkdtempSync(path.join(os.tmpdir(), "distill-ends-"));
  running = [];
});

afterEach(async () => {
  for (const app of running) await endApp(app);
  rmSync(home, { recursive: true, force: true });
});

const runFolder = () => path.join(home, "runs", "run");
const textIn = (folder: string, file: string) => readFileSync(path.join(folder, file), "utf8");
const eventsIn = (folder: string) =>
  textIn(folder, "events.jsonl")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).type as string);

async function open(): Promise<TakenOverPage> {
  const app = await launchDevelopmentApp(home);
  running.push(app);
  return TakenOverPage.of(app);
}

/** Starts or resumes the run, and resolves once it has trained some batches in this session. */
async function train(page: TakenOverPage, resume: boolean): Promise<void> {
  const answer = await page.call("start", { kind: "train", recipe, out: runFolder(), resume });
  expect(answer).toMatchObject({ ok: true });
  const { run } = (answer as unknown as { result: { run: string } }).result;
  await page.run("(run) => void taken.call('watch', { run, from: 0 }).then((answer) => (taken.end = answer))", run);
  await expect.poll(async () => (await page.notices()).some(({ type }) => type === "batches"), { timeout: PATIENCE_MS }).toBe(true);
}

/** Answers the questions that the app asks from now on; they are counted. */
function answerQuestions({ app }: TakenOverPage, response: number): Promise<void> {
  return app.evaluate(({ dialog }, response) => {
    const counter = globalThis as { questions?: number };
    dialog.showMessageBox = async () => {
      counter.questions = (counter.questions ?? 0) + 1;
      return { response, checkboxChecked: false };
    };
  }, response);
}

/** The app's questions stay open from now on, until `answerOpenQuestions`; they are counted. */
function leaveQuestionsOpen({ app }: TakenOverPage): Promise<void> {
  return app.evaluate(({ dialog }) => {
    const kept = globalThis as { questions?: number; answers?: ((response: number) => void)[] };
    kept.answers = [];
    dialog.showMessageBox = () => {
      kept.questions = (kept.questions ?? 0) + 1;
      return new Promise((resolve) => kept.answers!.push((response) => resolve({ response, checkboxChecked: false })));
    };
  });
}

function answerOpenQuestions({ app }: TakenOverPage, response: number): Promise<void> {
  return app.evaluate((_electron, response) => {
    const { answers } = globalThis as unknown as { answers: ((response: number) => void)[] };
    for (const answer of answers.splice(0)) answer(response);
  }, response);
}

const questions = ({ app }: TakenOverPage) => app.evaluate(() => (globalThis as { questions?: number }).questions ?? 0);

const closeWindow = ({ app }: TakenOverPage) => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());

/** Trains until `end` ends the app; without a question if it asks none. The run must have stopped with a checkpoint. */
async function trainUntil(resume: boolean, end: (page: TakenOverPage) => unknown): Promise<void> {
  const page = await open();
  await train(page, resume);
  const ended = page.app.waitForEvent("close", { timeout: PATIENCE_MS });
  await end(page);
  await ended;
  expect(eventsIn(runFolder()).slice(-2)).toEqual(["checkpoint", "stopped"]);
}

test("whoever ends the app, the run stops with a checkpoint, and ends in the same bits as without", async () => {
  const signal = (name: NodeJS.Signals) => (page: TakenOverPage) => process.kill(page.app.process().pid!, name);
  await trainUntil(false, signal("SIGTERM"));
  await trainUntil(true, signal("SIGHUP"));
  await trainUntil(true, signal("SIGINT"));
  // To all processes of the app at once, as at a logout.
  await trainUntil(true, ({ app }) => process.kill(-app.process().pid!, "SIGTERM"));
  await trainUntil(true, ({ app }) => app.evaluate(({ app }) => void setImmediate(() => app.quit())));
  // What Electron does when Linux or macOS shuts down, and when Windows ends the session.
  await trainUntil(true, ({ app }) => app.evaluate(({ powerMonitor }) => void setImmediate(() => powerMonitor.emit("shutdown"))));
  await trainUntil(true, ({ app }) => app.evaluate(({ BrowserWindow }) => void setImmediate(() => BrowserWindow.getAllWindows()[0]!.emit("session-end"))));
  await trainUntil(true, async (page) => {
    await answerQuestions(page, 0);
    // A page that lies about it.
    await page.run("() => host.setActivity({ state: 'idle', progress: 0 })");
    await closeWindow(page);
  });

  const resumed = await open();
  await train(resumed, true);
  await expect.poll(() => resumed.run("() => taken.end"), { timeout: PATIENCE_MS }).toMatchObject({ ok: true });
  const weights = readFileSync(path.join(runFolder(), "student.safetensors"));
  expect(weights.equals(readFileSync(path.join(trainedAtOnce(), "student.safetensors")))).toBe(true);
});

/** The same run from the command line, without a break. */
function trainedAtOnce(): string {
  mkdirSync(path.join(home, "reference"));
  const file = path.join(home, "reference", "recipe.json");
  writeFileSync(file, JSON.stringify(recipe));
  const folder = path.join(home, "reference", "run");
  const { status, stderr } = spawnSync(process.execPath, [path.join(ROOT, "out/cli/distill.cjs"), "train", "--recipe", file, "--out", folder], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return folder;
}

test("closing the window while training asks first, once however often it is closed; the run goes on if the answer is no", async () => {
  const page = await open();
  await train(page, false);
  await leaveQuestionsOpen(page);
  for (let times = 0; times < 3; times++) await closeWindow(page);
  await expect.poll(() => questions(page), { timeout: PATIENCE_MS }).toBe(1);
  await answerOpenQuestions(page, 1);
  const [live] = ((await page.call("list", {})) as unknown as { result: { state: string }[] }).result;
  expect(live).toMatchObject({ state: "running" });

  await closeWindow(page);
  await expect.poll(() => questions(page), { timeout: PATIENCE_MS }).toBe(2);
});

test("a page that crashes or reloads takes no run with it, and finds it again", async () => {
  const page = await open();
  await train(page, false);
  const [engine] = await page.enginePids();
  await answerQuestions(page, 0);
  await page.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.webContents.forcefullyCrashRenderer());
  await expect.poll(() => questions(page), { timeout: PATIENCE_MS }).toBe(1);
  const states = () =>
    page.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript("document.querySelector('[data-testid=training-state]')?.textContent"),
    );
  await expect.poll(states, { timeout: PATIENCE_MS }).toMatch(/Running|Finished/);
  expect(await page.enginePids()).toEqual([engine]);
  expect(eventsIn(runFolder())).not.toContain("resumed");
});

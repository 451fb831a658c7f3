// The app's charts: how long a run of 200,000 batches takes to open, and how long the main thread works for a frame while curves of a million points grow.
// Both in the app's Electron, on a virtual display where there is no other. The figures are in docs/performance/charts.md.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { _electron, type ElectronApplication, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { writeLongRun } from "../runs/long-run";

const ROOT = resolve(import.meta.dirname, "../..");
const BATCHES = 200_000;
const POINTS = 1_000_000;
const UPDATES_PER_SECOND = 200;
const SECONDS = 10;
/** The name of a run in the list, which opens it. */
const ROW = "td.name button";
/** Milliseconds. */
const GOALS = { frame: 10, open: 500 };

let folder: string;
let display: { display: string; close: () => void } | null = null;
let executable: string;

beforeAll(async () => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "distill-charts-"));
  const { electronExecutable } = await import(/* @vite-ignore */ join(ROOT, "build/electron.mjs"));
  const { hasDisplay, virtualDisplay } = await import(/* @vite-ignore */ join(ROOT, "build/display.mjs"));
  executable = electronExecutable();
  if (!hasDisplay()) display = await virtualDisplay();
  console.log(cpus()[0]!.model);
});
afterAll(() => {
  display?.close();
  rmSync(folder, { recursive: true });
});

async function launched(args: string[], more: Record<string, string>, work: (app: ElectronApplication, page: Page) => Promise<void>): Promise<void> {
  const { ELECTRON_RUN_AS_NODE: _, ...inherited } = process.env as Record<string, string>;
  const env = { ...inherited, ...(display && { DISPLAY: display.display }), ...more };
  const app = await _electron.launch({ executablePath: executable, args, cwd: ROOT, env, colorScheme: null });
  try {
    await work(app, await app.firstWindow());
  } finally {
    await app.evaluate(({ app }) => app.exit()).catch(() => "it ended before it could answer");
  }
}

const quantile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))]!;

test(`a run of ${BATCHES} batches an arm opens`, async () => {
  for (const arm of ["control", "student"] as const) writeLongRun(join(folder, "home/runs/long", arm), arm, BATCHES, 400);
  await launched(["."], { DISTILL_HOME: join(folder, "home") }, async (_app, page) => {
    await page.getByRole("navigation", { name: "Screens" }).getByRole("button", { name: "Runs" }).click();
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      await page.locator(ROW).first().waitFor();
      // From the click to the frame after the one in which the curves are drawn.
      times.push(
        await page.evaluate<number>(`new Promise((done) => {
        const began = performance.now();
        document.querySelector("${ROW}").click();
        const look = () => document.querySelector('[data-steps="${BATCHES}"] canvas')
          ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)))
          : requestAnimationFrame(look);
        look();
      })`),
      );
      await expect.poll(() => page.getByTestId("seal").textContent(), { timeout: 120_000 }).toBe("Same start, same batches");
      await page.getByRole("button", { name: "All runs" }).click();
    }
    console.log(`opened in ms: ${times.map((time) => time.toFixed(0)).join(", ")}`);
    expect(quantile(times, 0.5)).toBeLessThan(GOALS.open);
  });
});

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds: when it began, how long it took, and how long its thread worked for it. */
  ts: number;
  dur?: number;
  tdur?: number;
  args: { name?: string };
}

/** What the main thread of the page worked from each frame to the next, in milliseconds of its own time. A frame begins with the task in which its callbacks run. */
function workByFrame(events: readonly TraceEvent[]): number[] {
  const main = events.find(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")!;
  const own = events.filter(({ pid, tid }) => pid === main.pid && tid === main.tid);
  const ends = ({ ts, dur = 0 }: TraceEvent) => ts + dur;
  const tasks: TraceEvent[] = [];
  // A task is in the trace twice, as the thread's controller runs it and within that.
  for (const task of own.filter(({ ph, name }) => ph === "X" && name.endsWith("RunTask")).sort((a, b) => a.ts - b.ts || ends(b) - ends(a)))
    if (tasks.length === 0 || task.ts >= ends(tasks.at(-1)!)) tasks.push(task);
  const callbacks = own.filter(({ name }) => name === "FireAnimationFrame").map(({ ts }) => ts);
  const isFrame = (task: TraceEvent) => callbacks.some((ts) => ts >= task.ts && ts < ends(task));
  const work: number[] = [];
  for (const task of tasks) {
    if (isFrame(task)) work.push(0);
    if (work.length > 0) work[work.length - 1]! += (task.tdur ?? task.dur ?? 0) / 1000;
  }
  // After the last frame the trace goes on for as long as it takes to stop it.
  return work.slice(0, -1);
}

/** The program that shows the page of test/renderer/under-load. */
async function builtProgram(): Promise<string> {
  const { build } = await import("vite");
  const page = join(folder, "page");
  await build({
    configFile: false,
    root: join(ROOT, "test/renderer/under-load"),
    logLevel: "error",
    base: "./",
    plugins: [svelte({ configFile: false })],
    build: { outDir: page, target: "esnext", modulePreload: false },
  });
  const program = join(folder, "program");
  mkdirSync(program, { recursive: true });
  writeFileSync(join(program, "package.json"), JSON.stringify({ name: "under-load", version: "1.0.0", main: "main.js" }));
  writeFileSync(
    join(program, "main.js"),
    `const { app, BrowserWindow, protocol } = require("electron");
    protocol.registerSchemesAsPrivileged([{ scheme: "app", privileges: { standard: true, secure: true } }]);
    app.whenReady().then(() => {
      protocol.registerFileProtocol("app", ({ url }, answer) => answer({ path: ${JSON.stringify(page)} + new URL(url).pathname }));
      new BrowserWindow({ width: 1280, height: 800, useContentSize: true, webPreferences: { backgroundThrottling: false } }).loadURL("app://page/index.html");
    });`,
  );
  return program;
}

test.for([
  ["of a comparison", POINTS, 0],
  ["of a sweep with four finished seeds", POINTS, 4],
  // So few that each batch is seen, and all charts are drawn in each frame.
  ["of a comparison that has begun", 2500, 0],
] as const)(`curves %s, of %i points, grow by ${UPDATES_PER_SECOND} updates a second`, async ([, points, seeds]) => {
  const program = await builtProgram();
  await launched([program], {}, async (app, page) => {
    await page.getByRole("navigation", { name: "Screens" }).waitFor();
    await page.evaluate(`show(${points}, ${seeds})`);
    await page.evaluate(`stream(${UPDATES_PER_SECOND}, 2)`);
    await app.evaluate(({ contentTracing }) => contentTracing.startRecording({ included_categories: ["devtools.timeline", "toplevel"] }));
    const took = await page.evaluate<number>(`stream(${UPDATES_PER_SECOND}, ${SECONDS})`);
    const trace = await app.evaluate(({ contentTracing }) => contentTracing.stopRecording());
    const work = workByFrame(JSON.parse(readFileSync(trace, "utf8")).traceEvents);
    rmSync(trace);
    const [middle, most] = [quantile(work, 0.5), quantile(work, 0.95)];
    console.log(`${work.length} frames in ${took.toFixed(0)} ms; main thread per frame: median ${middle.toFixed(1)} ms, p95 ${most.toFixed(1)} ms`);
    expect(most).toBeLessThan(GOALS.frame);
  });
});

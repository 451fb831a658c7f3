import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { distill, interruptAt } from "../cli/distill";
import { FakeServer, type KeptRun } from "./fake-server";
import { BATCHES, comparisonIn, smallIn } from "./small-comparison";

let folder: string;
let server: FakeServer;
let address: string;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "mlflow-"));
  server = new FakeServer();
  address = await server.start();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const all = Array.from({ length: BATCHES }, (_, i) => i + 1);
const steps = ({ metrics }: KeptRun) => metrics.filter(({ key }) => key === "batch/loss").map(({ step }) => step);
const shown = () => server.runs.map(({ name, status, tags }) => [name, status, tags["mlflow.parentRunId"] ?? null]);

test("a sweep that is stopped and resumed is one run with its arms and seeds in it, each step once; the report finds nothing to add", async () => {
  const environment = { ...process.env, MLFLOW_TRACKING_URI: address };
  const stopped = await distill([...comparisonIn(folder, 2), "--mlflow"], folder, interruptAt(/student epoch 2\/3/), environment);
  expect(stopped.status, stopped.err).toBe(130);
  expect(stopped.err).toContain(`MLflow shows it as the experiment demo: ${address}/#/experiments/1`);
  expect(stopped.err).toContain("compare --mlflow --resume");
  expect(shown()).toEqual([
    ["first", "KILLED", null],
    ["control, seed 0", "KILLED", "run1"],
    ["student, seed 0", "KILLED", "run1"],
  ]);
  const resumed = await distill(["compare", "--resume", "--out", "runs/first", "--mlflow", address], folder);
  expect(resumed.status, resumed.err).toBe(0);
  expect(shown()).toEqual([
    ["first", "FINISHED", null],
    ...["control, seed 0", "student, seed 0", "control, seed 1", "student, seed 1"].map((name) => [name, "FINISHED", "run1"]),
  ]);
  expect(server.runs.slice(1).map(steps)).toEqual([all, all, all, all]);
  expect(server.runs[0]!.tags).toMatchObject({ "distill.kind": "sweep", "distill.controlled": "true", "distill.seeds": "0, 1" });
  expect(server.runs[0]!.metrics.map(({ key }) => key)).toContain("difference/test_acc");
  expect([...server.files.keys()]).toContain("1/run1/artifacts/report.html");

  const values = () => server.runs.map(({ metrics }) => metrics.length);
  const before = values();
  const { status, out } = await distill(["report", "--format", "mlflow", "--to", address, "--runs", "runs/first", "--json"], folder);
  expect(status).toBe(0);
  expect(values()).toEqual(before);
  expect(JSON.parse(out)).toMatchObject({ server: address, experiments: [{ name: "demo" }], runs: [{}, {}, {}, {}] });
  expect(server.runs.slice(1).map(steps)).toEqual([all, all, all, all]);
}, 120_000);

test("a server that is gone stops nothing; what is missing is sent later", async () => {
  server.failing = () => 503;
  const trained = await distill([...comparisonIn(folder, 1), "--mlflow", address], folder);
  expect(trained.status, trained.err).toBe(0);
  expect(trained.err.match(/MLflow is not told/g)).toHaveLength(1);
  expect(trained.err).toMatch(/Send the rest with: .*report --format mlflow --to \S+ --runs \S+runs\/first/);
  const failed = await distill(["report", "--format", "mlflow", "--to", address, "--runs", "runs/first"], folder);
  expect([failed.status, failed.err]).toEqual([
    1,
    expect.stringMatching(/^error: http\S+ answers with status 503: not now: is it running\? What has arrived is not sent again\n$/),
  ]);
  server.failing = () => null;
  const sent = await distill(["report", "--format", "mlflow", "--to", address, "--runs", "runs/first"], folder);
  expect(sent.out).toMatch(/^Sent to MLflow: 2 runs\ndemo: http/);
  const again = await distill(["report", "--format", "mlflow", "--to", address, "--runs", "runs/first"], folder);
  expect(again.out).toMatch(/^Nothing new for MLflow: it had all figures of 2 runs already\ndemo: http/);
  expect(shown()).toEqual([
    ["first", "FINISHED", null],
    ["control", "FINISHED", "run1"],
    ["student", "FINISHED", "run1"],
  ]);
  expect(server.runs.slice(1).map(steps)).toEqual([all, all]);
}, 120_000);

test("a search is one run with its trials in it, and a run of train stands by itself", async () => {
  const trials = ["search", ...smallIn(folder), "--trials", "2", "--batches", "2", "--out", "runs/search", "--mlflow", address];
  const searched = await distill(trials, folder);
  expect(searched.status, searched.err).toBe(0);
  const trained = await distill(["train", ...smallIn(folder), "--out", "runs/alone", "--mlflow", address], folder);
  expect(trained.status, trained.err).toBe(0);
  expect(shown()).toEqual([
    ["search", "FINISHED", null],
    ["trial-001", "FINISHED", "run1"],
    ["trial-002", "FINISHED", "run1"],
    ["alone", "FINISHED", null],
  ]);
  expect(server.runs.map(steps)).toEqual([[], [1, 2], [1, 2], all]);
}, 120_000);

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import type { RunDetails } from "../../src-main/contract/run";
import { trackingServer } from "../../src-main/mlflow/address";
import { type Family, Sender, type Subject } from "../../src-main/mlflow/send";
import { MlflowServer } from "../../src-main/mlflow/server";
import { listening } from "../download/server";
import { batch, epoch, start } from "../runs/example-run";
import { FakeServer } from "./fake-server";

const version = "0.0.1";
const sent = (address: string, environment = {}) => new Sender(new MlflowServer(trackingServer(address, "--to", environment)));

/** With epochs of four batches. */
function runOf(epochs: number, more: Partial<RunDetails> = {}): RunDetails {
  const records = Array.from({ length: epochs }, (_, i) => epoch(i + 1));
  return {
    ...start,
    directory: "/runs/first/student",
    name: "demo",
    state: "finished",
    started: "2026-11-24T12:00:00.000Z",
    changed: "2026-11-24T13:00:00.000Z",
    epochsDone: epochs,
    epochs,
    testAcc: 0.5,
    trainAcc: 0.5,
    seconds: 1,
    owner: null,
    beginsAnew: false,
    damage: null,
    batches: records.flatMap((record) => [1, 2, 3, 4].map((iter) => batch(record.epoch, iter))),
    evidenceDamage: null,
    epochRecords: records,
    events: [{ time: "2026-11-24T13:00:00.000Z", type: "finished" }],
    ...more,
  };
}

const single = (run: RunDetails): Subject => ({ run, key: "0f-1", name: "first", family: null, version });
const steps = (server: FakeServer, key = "batch/loss") => server.runs[0]!.metrics.filter((metric) => metric.key === key).map(({ step }) => step);

describe("a run that is sent", () => {
  test("has its parameters, tags, files and every step, under the names that TensorBoard shows", async () => {
    const server = new FakeServer();
    await sent(await server.start()).whole(single(runOf(3)), Buffer.from("<html>"));
    expect(server.experiments).toEqual([{ id: "1", name: presetOf("demo").recipe.name, stage: "active" }]);
    const [run] = server.runs;
    expect(run).toMatchObject({ name: "first", status: "FINISHED", start: Date.parse("2026-11-24T12:00:00Z"), end: Date.parse("2026-11-24T13:00:00Z") });
    expect(run!.params).toMatchObject({ "train.epochs": "12", "student.model": start.recipe.student.model, "teacher.weights": "bundled" });
    expect(run!.tags).toMatchObject({ "distill.run": "0f-1", "distill.arm": "single", "distill.version": version, "distill.hash.data": "d0" });
    expect(steps(server)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(steps(server, "epoch/test_acc")).toEqual([4, 8, 12]);
    const { loss, parts } = batch(3, 2);
    const tenth = Object.fromEntries(run!.metrics.filter(({ step }) => step === 10).map(({ key, value }) => [key, value]));
    expect(tenth).toMatchObject({ "batch/loss": loss, "batch/ce_loss": parts.ce, "batch/kd_loss": parts.kd, "batch/lr": 1e-3 / 3 });
    expect([...server.files.keys()]).toEqual(["1/run1/artifacts/recipe.json", "1/run1/artifacts/report.html"]);
  });

  test("is the same run when it is sent again, and only what is new follows", async () => {
    const server = new FakeServer();
    const address = await server.start();
    await sent(address).whole(single(runOf(2, { state: "stopped" })), null);
    expect(server.runs[0]!.status).toBe("KILLED");
    await sent(address).whole(single(runOf(3)), null);
    await sent(address).whole(single(runOf(3)), null);
    expect(server.runs).toHaveLength(1);
    expect(server.runs[0]!.status).toBe("FINISHED");
    expect(steps(server)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(steps(server, "epoch/train_loss")).toEqual([4, 8, 12]);
  });

  test("goes in calls of at most 1,000 metrics, numbers that are none among them", async () => {
    const server = new FakeServer();
    const run = runOf(200);
    run.batches[5] = { ...run.batches[5]!, loss: Number.NaN };
    run.batches[6] = { ...run.batches[6]!, loss: Number.POSITIVE_INFINITY };
    await sent(await server.start()).whole(single(run), null);
    expect(steps(server)).toHaveLength(800);
    const losses = server.runs[0]!.metrics.filter(({ key }) => key === "batch/loss").map(({ value }) => value);
    expect(losses.slice(5, 7)).toEqual(["NaN", "Infinity"]);
    expect(server.asked.filter((each) => each === "POST runs/log-batch").length).toBeLessThan(12);
  });

  test("tells what was changed later as a tag, since a parameter stays", async () => {
    const server = new FakeServer();
    const address = await server.start();
    const run = runOf(1);
    await sent(address).whole(single(run), null);
    const recipe = { ...run.recipe, train: { ...run.recipe.train, epochs: 99 } };
    await sent(address).whole(single(runOf(2, { recipe })), null);
    expect(server.runs[0]!.params["train.epochs"]).toBe("12");
    expect(server.runs[0]!.tags["distill.changed_later"]).toBe("train.epochs=99");
  });

  test("shows no place on this computer, and cuts what is too long", async () => {
    const server = new FakeServer();
    const { recipe } = runOf(1);
    const longest = `${"x".repeat(600)}.safetensors`;
    const moved = { ...recipe, data: { ...recipe.data, path: "/home/me/pictures" }, teacher: { ...recipe.teacher!, weights: `/home/me/${longest}` } };
    await sent(await server.start()).whole(single(runOf(1, { recipe: moved })), null);
    expect(server.runs[0]!.params["data.path"]).toBe("pictures");
    expect(server.runs[0]!.params["teacher.weights"]).toMatch(/^x{497}\.\.\.$/);
    expect(JSON.stringify([server.runs, ...server.files.values()])).not.toContain("/home/me");
  });

  test("says where its files are not taken", async () => {
    const server = new FakeServer();
    server.artifacts = "s3://bucket";
    expect(await sent(await server.start()).whole(single(runOf(1)), null)).toEqual({ id: "run1", isNew: true, files: false });
    expect(server.files.size).toBe(0);
  });
});

test("a comparison is one run with its arms in it, and what they show", async () => {
  const server = new FakeServer();
  const sender = sent(await server.start());
  const family: Family = { key: "c1", name: "first", directory: "/runs/first", kind: "comparison", start: 5 };
  for (const arm of ["control", "student"] as const) await sender.whole({ run: runOf(1, { arm }), key: arm, name: arm, family, version }, null);
  const arm = { trainAcc: 0.4, testAcc: 0.5, deviation: null, agreement: null, divergence: null, calibrationError: null };
  const summary = {
    seeds: [0],
    control: arm,
    student: { ...arm, testAcc: 0.75 },
    sameImages: null,
    testImages: 4,
    yardstick: null,
    seconds: 1,
    controlled: true,
  };
  const difference = {
    difference: 0.25,
    differences: [0.25],
    deviation: null,
    interval: [-0.5, 1] as [number, number],
    intervalOver: "test images" as const,
    moreSeeds: null,
  };
  const shows = { ...summary, ...difference };
  await sender.family(family, shows, Buffer.from("<html>"));
  const [parent, ...arms] = server.runs;
  expect(parent).toMatchObject({ name: "first", status: "FINISHED", start: 5, tags: { "distill.kind": "comparison", "distill.controlled": "true" } });
  expect(arms.map(({ name, tags }) => [name, tags["mlflow.parentRunId"]])).toEqual([
    ["control", "run1"],
    ["student", "run1"],
  ]);
  const shown = Object.fromEntries(parent!.metrics.map(({ key, value }) => [key, value]));
  expect(shown).toEqual({
    "control/test_acc": 0.5,
    "student/test_acc": 0.75,
    "difference/test_acc": 0.25,
    "difference/interval_low": -0.5,
    "difference/interval_high": 1,
  });
  expect(server.files.get("1/run1/artifacts/report.html")).toBe("<html>");
});

describe("who asks", () => {
  test.each([
    ["name and password", { MLFLOW_TRACKING_USERNAME: "me", MLFLOW_TRACKING_PASSWORD: "sésame" }, `Basic ${Buffer.from("me:sésame").toString("base64")}`],
    ["a token", { MLFLOW_TRACKING_TOKEN: "t0" }, "Bearer t0"],
  ])("is known by %s", async (_, environment, authorization) => {
    const server = new FakeServer();
    server.authorization = authorization;
    const address = await server.start();
    await sent(address, environment).whole(single(runOf(1)), null);
    expect(server.runs).toHaveLength(1);
    await expect(sent(address).whole(single(runOf(1)), null)).rejects.toThrow(/expects to know who asks \(status 401\): set MLFLOW_TRACKING_USERNAME/);
  });

  test("is named in the address, which is shown without", async () => {
    const server = new FakeServer();
    server.authorization = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    const address = (await server.start()).replace("//", "//me:p%40ss@");
    const tracking = trackingServer(address, "--to", {});
    await new Sender(new MlflowServer(tracking)).whole(single(runOf(1)), null);
    expect(tracking.address).not.toContain("me");
  });

  test("trusts a certificate that the environment names", async () => {
    const tls = path.resolve(import.meta.dirname, "../fixtures/tls");
    const [key, cert] = ["key.pem", "certificate.pem"].map((name) => readFileSync(path.join(tls, name)));
    const server = new FakeServer();
    const address = `https://localhost:${await listening(createServer({ key, cert }, server.handle))}`;
    await expect(sent(address).whole(single(runOf(1)), null)).rejects.toThrow(/NODE_EXTRA_CA_CERTS/);
    await sent(address, { MLFLOW_TRACKING_SERVER_CERT_PATH: path.join(tls, "certificate.pem") }).whole(single(runOf(1)), null);
    await sent(address, { MLFLOW_TRACKING_INSECURE_TLS: "true" }).whole(single(runOf(1)), null);
    expect(server.runs).toHaveLength(1);
  });
});

describe("an address", () => {
  test.each(["mlruns", "sqlite:///me:secret@db", "databricks", "file:/tmp/mlruns"])("%s is no server's", (text) => {
    expect(() => trackingServer(text, "--mlflow", {})).toThrow(/^--mlflow: expected an address that begins with http:\/\/ or https:\/\/(?!.*secret)/);
  });

  test("comes from the environment where none is given", () => {
    expect(trackingServer(null, "--mlflow", { MLFLOW_TRACKING_URI: "https://h/mlflow/" }).address).toBe("https://h/mlflow");
    expect(() => trackingServer(null, "--mlflow", {})).toThrow(/expected the address of an MLflow server/);
  });
});

test.each([
  [200, "<html>Welcome</html>", /but not as a tracking server of MLflow does/],
  [308, "", /redirects to https:\/\/elsewhere/],
  [403, "Invalid Host header - possible DNS rebinding attack detected", /mlflow server --allowed-hosts 127\.0\.0\.1:\d+/],
  [503, "soon", /answers with status 503: soon/],
])("a server that answers %i with %j is told in words", async (status, text, expected) => {
  const { createServer } = await import("node:http");
  const port = await listening(createServer((_, response) => response.writeHead(status, { location: "https://elsewhere" }).end(text)));
  await expect(sent(`http://127.0.0.1:${port}`).whole(single(runOf(1)), null)).rejects.toThrow(expected);
});

test("a deleted experiment is not filled in silence", async () => {
  const server = new FakeServer();
  server.experiments.push({ id: "1", name: start.recipe.name, stage: "deleted" });
  await expect(sent(await server.start()).whole(single(runOf(1)), null)).rejects.toThrow(/has deleted the experiment "demo": restore it/);
});

import { afterEach, describe, expect, test } from "vitest";
import type { NoticeBody } from "../../src-main/contract/notices";
import type { RunDetails } from "../../src-main/contract/run";
import { trackingServer } from "../../src-main/mlflow/address";
import { Mirror } from "../../src-main/mlflow/follow";
import { Sender } from "../../src-main/mlflow/send";
import { MlflowServer } from "../../src-main/mlflow/server";
import { batch, epoch, start } from "../runs/example-run";
import { FakeServer } from "./fake-server";

const progress = { done: 0, total: 0, imagesPerSecond: 0, secondsLeft: 0 };
const started: NoticeBody = { type: "started", arm: "single", directory: "/runs/first", batchesPerEpoch: 4, epochs: 3 };
const batches = (e: number, ...iters: number[]): NoticeBody => ({ type: "batches", arm: "single", records: iters.map((iter) => batch(e, iter)), progress });

/** What the folder holds, and what was said. */
let there: { batches: RunDetails["batches"]; epochRecords: RunDetails["epochRecords"]; state: RunDetails["state"] };
let problems: string[];
const mirrors: Mirror[] = [];
afterEach(async () => {
  for (const mirror of mirrors.splice(0)) await mirror.finish();
});

function mirrorTo(address: string): Mirror {
  const summary = { name: "demo", started: "2026-11-24T12:00:00.000Z", epochsDone: 0, epochs: 3, testAcc: null, trainAcc: null, seconds: 1, owner: null };
  const run = () =>
    ({
      ...start,
      ...summary,
      directory: "/runs/first",
      changed: "",
      beginsAnew: false,
      damage: null,
      evidenceDamage: null,
      events: [],
      ...there,
    }) as RunDetails;
  const folders = {
    subject: async () => ({ run: run(), key: "0f-1", name: "first", family: null, version: "1" }),
    report: async () => Buffer.from("<html>"),
    summary: async () => null,
  };
  const sender = new Sender(new MlflowServer(trackingServer(address, "--mlflow", {})));
  const mirror = new Mirror(
    sender,
    folders,
    () => 1000,
    (text) => problems.push(text),
  );
  mirrors.push(mirror);
  return mirror;
}

function begin(): void {
  there = { batches: [], epochRecords: [], state: "running" };
  problems = [];
}
const wrote = (epochs: number) => {
  const records = Array.from({ length: epochs }, (_, i) => epoch(i + 1));
  there = { batches: records.flatMap((record) => [1, 2, 3, 4].map((iter) => batch(record.epoch, iter))), epochRecords: records, state: "finished" };
};
const stepsOf = (server: FakeServer, key = "batch/loss") => server.runs[0]!.metrics.filter((each) => each.key === key).map(({ step }) => step);

describe("a training that is shown on a server", () => {
  test("arrives while it goes on, every step once, with its end", async () => {
    begin();
    const server = new FakeServer();
    const mirror = mirrorTo(await server.start());
    for (const notice of [started, batches(1, 1, 2), batches(1, 3, 4), { type: "epoch", arm: "single", record: epoch(1) } as NoticeBody]) mirror.follow(notice);
    await expect.poll(() => server.runs[0]?.metrics.length ?? 0).toBe(29);
    expect(server.runs[0]!.status).toBe("RUNNING");
    expect(stepsOf(server)).toEqual([1, 2, 3, 4]);
    wrote(2);
    expect(await mirror.finish()).toBe(true);
    expect(stepsOf(server)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(stepsOf(server, "epoch/train_loss")).toEqual([4, 8]);
    expect(server.runs[0]!.status).toBe("FINISHED");
    expect(problems).toEqual([]);
  });

  test("goes on in the same run when it is resumed, without the steps that it trains once more", async () => {
    begin();
    const server = new FakeServer();
    const address = await server.start();
    const first = mirrorTo(address);
    first.follow(started);
    wrote(1);
    there.state = "stopped";
    await first.finish();
    expect(server.runs[0]!.status).toBe("KILLED");
    const second = mirrorTo(address);
    for (const notice of [started, batches(1, 3, 4), batches(2, 1)]) second.follow(notice);
    await expect.poll(() => stepsOf(server)).toEqual([1, 2, 3, 4, 5]);
    expect(server.runs[0]!.status).toBe("RUNNING");
    wrote(2);
    await second.finish();
    expect(server.runs).toHaveLength(1);
    expect(stepsOf(server)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("is told once where the server does not answer, and arrives at its end if it does then", async () => {
    begin();
    const server = new FakeServer();
    let isDown = true;
    let refused = 0;
    server.failing = () => {
      refused += Number(isDown);
      return isDown ? 503 : null;
    };
    const mirror = mirrorTo(await server.start());
    for (const notice of [started, batches(1, 1, 2)]) mirror.follow(notice);
    await expect.poll(() => refused).toBe(1);
    await expect.poll(() => problems).toEqual([expect.stringMatching(/the training goes on: .* answers with status 503/)]);
    isDown = false;
    wrote(1);
    expect(await mirror.finish()).toBe(true);
    expect(stepsOf(server)).toEqual([1, 2, 3, 4]);
    expect(problems).toHaveLength(1);
  });

  test("ends without waiting for a server that is gone", async () => {
    begin();
    const mirror = mirrorTo("http://127.0.0.1:9");
    mirror.follow(started);
    for (let i = 0; i < 1000; i++) mirror.follow(batches(1, 1));
    expect(await mirror.finish()).toBe(false);
    expect(problems).toHaveLength(1);
  });

  test("is not tried again where the server refuses it", async () => {
    begin();
    const server = new FakeServer();
    server.authorization = "Bearer another";
    const mirror = mirrorTo(await server.start());
    for (const notice of [started, batches(1, 1)]) mirror.follow(notice);
    await expect.poll(() => problems).toEqual([expect.stringMatching(/expects to know who asks/)]);
    expect(await mirror.finish()).toBe(false);
    expect(problems).toHaveLength(1);
  });
});

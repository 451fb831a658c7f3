import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { TrainResult } from "../../src-main/contract/run";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { EngineProcess } from "./engine-process";
import { experimentFolder, smallRecipe } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
const engines: EngineProcess[] = [];
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => {
  for (const { child } of engines) child.kill("SIGKILL");
  folder.remove();
});

function start(): EngineProcess {
  const engine = new EngineProcess();
  engines.push(engine);
  return engine;
}

const run = (out: string, resume = false) => ({ kind: "train", recipe: smallRecipe(folder.teacher, { epochs: 3 }), out: folder.path(out), resume });
const weightsOf = (out: string) =>
  createHash("sha256")
    .update(readFileSync(folder.path(out, "student.safetensors")))
    .digest("hex");
const withoutTimes = (out: string) => {
  const { batches, epochRecords } = readRun(folder.path(out));
  return [batches.map(({ imagesPerSecond: _, ...rest }) => rest), epochRecords.map(({ seconds: _, ...rest }) => rest)];
};

describe("the engine's process", () => {
  let whole: TrainResult;
  beforeAll(async () => {
    const engine = start();
    expect(await engine.result("hello", { protocol: 2 })).toMatchObject({ protocol: 2 });
    whole = await engine.train(run("whole"));
    engine.child.disconnect();
    expect(await engine.end()).toBe(0);
  });

  test.each([
    [1, 2],
    [2, 1],
    [3, 3],
  ])("killed in epoch %i, batch %i, its run continues from the last checkpoint to bitwise equal results", async (epoch, iter) => {
    const out = `killed-${epoch}-${iter}`;
    const engine = start();
    engine.at(epoch, iter, () => engine.child.kill("SIGKILL"));
    void engine.train(run(out)).catch(() => {});
    expect(await engine.end()).toBe("SIGKILL");
    expect(readRun(folder.path(out)).state).toBe("stopped");

    const resumed = await start().train(run(out, true));
    expect(resumed.hashes).toEqual(whole.hashes);
    expect(weightsOf(out)).toBe(weightsOf("whole"));
    expect(withoutTimes(out)).toEqual(withoutTimes("whole"));
  });

  test.each([
    ["its parent goes away", (engine: EngineProcess) => engine.child.disconnect()],
    ["the system asks it to end", (engine: EngineProcess) => engine.child.kill("SIGTERM")],
  ])("when %s, it writes a checkpoint and ends", async (reason, act) => {
    const out = `left ${reason}`;
    const engine = start();
    engine.at(2, 2, () => {
      engine.onNotice = () => {};
      act(engine);
    });
    void engine.train(run(out)).catch(() => {});
    expect(await engine.end()).toBe(0);
    const { state, events, batches } = readRun(folder.path(out));
    expect(state).toBe("stopped");
    expect(events.slice(-2).map(({ type }) => type)).toEqual(["checkpoint", "stopped"]);
    expect(batches.length).toBeGreaterThanOrEqual(5);

    await start().train(run(out, true));
    expect(weightsOf(out)).toBe(weightsOf("whole"));
  });

  test.each([
    ["starts", false],
    ["resumes", true],
  ])("of several %s of one run at once, one trains it, and the others say who does and change nothing", async (what, resume) => {
    const out = `contended ${what}`;
    if (resume) {
      const first = start();
      first.at(1, 2, () => first.child.kill("SIGKILL"));
      void first.train(run(out));
      await first.end();
    }
    const engines = [start(), start(), start()];
    await Promise.all(engines.map((engine) => engine.result("hello", { protocol: 2 })));
    const answers = await Promise.all(
      engines.map((engine) =>
        engine.train(run(out, resume)).then(
          () => "trained",
          ({ message }) => message,
        ),
      ),
    );
    expect(answers.filter((answer) => answer === "trained")).toHaveLength(1);
    for (const answer of answers) expect(answer).toMatch(/^trained$|is being trained by process \d+|is just being taken/);
    expect(weightsOf(out)).toBe(weightsOf("whole"));
    expect(withoutTimes(out)).toEqual(withoutTimes("whole"));
  });

  test("a run is followed and stopped from another process, which may go away", async () => {
    const out = "watched";
    const [owner, other] = [start(), start()];
    let isRunning = () => {};
    const running = new Promise<void>((resolve) => {
      isRunning = resolve;
    });
    owner.at(1, 1, isRunning);
    const training = owner.ask("start", { ...run(out), kind: "compare", recipe: smallRecipe(folder.teacher, { epochs: 200 }) });
    const { run: id } = ((await training) as { result: { run: string } }).result;
    const ending = owner.ask("watch", { run: id, from: 0 });
    await running;
    const third = start();
    expect(await third.result("attach", { directory: folder.path(out, "student") })).toMatchObject({ run: id, owner: { pid: owner.child.pid, host: null } });
    void third.ask("watch", { run: id, from: 0 });
    third.child.kill("SIGKILL");
    const live = await other.result<{ directory: string; state: string }>("attach", { directory: folder.path(out) });
    expect(live).toMatchObject({ directory: folder.path(out), state: "running", kind: "compare" });
    const heard: number[] = [];
    other.onNotice = (notice) => {
      if (notice.type === "batches") heard.push(...notice.records.map(({ iter }) => iter));
      if (notice.type === "batches" && heard.length >= 6) void other.ask("control", { run: id, action: "stop" });
    };
    expect(await other.ask("watch", { run: id, from: 0 })).toMatchObject({ ok: false, error: { code: "INTERRUPTED" } });
    expect(await ending).toMatchObject({ ok: false, error: { code: "INTERRUPTED" } });
    // From the first batch on.
    expect(heard.slice(0, 6)).toEqual([1, 2, 3, 1, 2, 3]);
    expect(readRun(folder.path(out, "student"))).toMatchObject({ state: "stopped", owner: null });
    expect(await other.result("attach", { directory: folder.path(out) })).toBeNull();
  });

  test("calls are answered during a long batch, and a stop does not wait for its end", async () => {
    const out = "long batch";
    const engine = start();
    const started = new Promise<void>((resolve) => {
      engine.onNotice = ({ type }) => type === "started" && resolve();
    });
    const recipe = { data: { path: "bundled", trainLimit: 128, testLimit: 1 }, teacher: null, distillation: null, student: { model: "vit_tiny_patch16_224" } };
    const params = { kind: "train", recipe: { ...recipe, train: { epochs: 1, batchSize: 128, precision: "fp32" } }, out: folder.path(out), resume: false };
    const { run: id } = await engine.result<{ run: string }>("start", params);
    const ending = engine.ask("watch", { run: id, from: 0 });
    await started;
    expect(await engine.result("list", {})).toMatchObject([{ run: id, state: "running" }]);
    expect(await engine.result("readRun", { directory: folder.path(out) })).toMatchObject({ state: "running", batches: [] });
    expect(await engine.result("control", { run: id, action: "stop" })).toEqual({ state: "stopping" });
    expect(await ending).toMatchObject({ ok: false, error: { code: "INTERRUPTED" } });
    expect(readRun(folder.path(out))).toMatchObject({ state: "stopped", batches: [] });
  });

  test("what is no call does not end it", async () => {
    const engine = start();
    engine.child.send("no call at all");
    engine.child.send({ id: "1", method: "hello" });
    expect(await engine.result("hello", { protocol: 2 })).toMatchObject({ protocol: 2 });
  });

  test("typed arrays cross unchanged", async () => {
    const engine = start();
    const { thumbnails } = await engine.result<{ thumbnails: { png: Uint8Array }[] }>("dataInfo", { path: "bundled", format: "auto", thumbnailsPerClass: 1 });
    expect(thumbnails).toHaveLength(10);
    expect([...thumbnails[0]!.png.subarray(1, 4)]).toEqual([..."PNG"].map((letter) => letter.charCodeAt(0)));
  });
});

/** With a real head of Ray, where there is Python with it. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { ADDRESS, type RealHead, realHead, whyNoRay, writeRecipe } from "./real-head";

const reason = whyNoRay();

describe("on a real cluster", () => {
  let head: RealHead;
  const small = ["data.trainLimit=512", "data.testLimit=128", "train.epochs=4", "train.warmupEpochs=0", "train.batchSize=128", "train.precision=fp32"];
  const settings = small.flatMap((each) => ["--set", each]);

  beforeAll(async () => {
    if (reason) return;
    head = await realHead(2);
    writeRecipe(head, presetOf("demo").written);
  }, 120_000);

  afterAll(() => head?.close());

  /** What a training decides: weights, what was answered, and curves without times. */
  function decided(run: string): string[] {
    return [0, 1, 2].flatMap((seed) =>
      ["control", "student"].flatMap((arm) => {
        const at = (file: string) => path.join(head.folder, run, `seed-${seed}`, arm, file);
        const curves = readFileSync(at("batches.csv"), "utf8").replace(/^((?:[^,\n]*,){7})[^,\n]*/gm, "$1");
        return [...["student.safetensors", "predictions/last.csv"].map((file) => readFileSync(at(file)).toString("base64")), curves];
      }),
    );
  }

  test("three seeds are three jobs; one that is killed goes on from its checkpoint; all have the bits of a training here", { timeout: 900_000 }, async ({
    skip,
  }) => {
    if (reason) skip(reason);
    let wasKilled = false;
    const killThird = (line: string) => {
      if (wasKilled || !line.includes("seed 2: student epoch 1/4")) return;
      wasKilled = true;
      const processes = spawnSync("pgrep", ["-f", "out/cli/distill.cjs.*recipe-distill-[0-9a-f]*-3.json"], { encoding: "utf8" }).stdout.trim().split("\n");
      for (const pid of processes.flatMap((pid) => [readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[1]!, pid]))
        process.kill(Number(pid), "SIGKILL");
    };
    const on = ["--on", ADDRESS];
    const first = await head.distill(
      ["compare", "--recipe", "recipe.json", ...settings, ...on, "--job-node", "ship", "--storage", path.join(head.folder, "storage"), "--out", "there"],
      killThird,
    );
    expect([first.status, first.err]).toEqual([1, expect.stringMatching(/1 of 3 jobs did not get to its end\nseed 2: its job was killed there by signal 9/)]);
    expect(first.err).toMatch(/all jobs +\d+%/);
    const second = await head.distill(["compare", ...on, "--resume", "--out", "there"]);
    expect([second.status, second.err]).toEqual([0, expect.not.stringContaining("epoch 1/4")]);
    expect(second.out).toMatch(/^mean /m);
    const local = await distill(["compare", "--recipe", "recipe.json", ...settings, "--out", "here"], head.folder);
    expect([local.status, decided("there")]).toEqual([0, decided("here")]);
    const logs = path.join(head.folder, "ray/session_latest/logs");
    // Where two jobs that begin at once unpack the program twice, Ray loses the worker of one, and waits a minute for it.
    expect(readFileSync(path.join(logs, "raylet.out"), "utf8")).not.toContain("have not registered within the timeout");
    expect(existsSync(path.join(logs, "distill")) ? readdirSync(path.join(logs, "distill")) : []).toEqual([]);
  });

  test("a wrong token is told", async ({ skip }) => {
    if (reason) skip(reason);
    const { status, err } = await head.distill(["doctor", "--on", ADDRESS], undefined, "wrong");
    expect([status, err]).toEqual([1, expect.stringContaining("refuses the token (status 403)")]);
  });
});

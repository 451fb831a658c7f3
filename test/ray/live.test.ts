/** With a real head of Ray, where there is Python with it. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { type Colour, png, writeFiles } from "../data/image-files";
import { ADDRESS, type RealHead, realHead, whyNoRay, writeRecipe } from "./real-head";

/** The classes of the demo's teacher, with a few images each. */
async function writePictures(folder: string): Promise<void> {
  const classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
  for (const [label, name] of classes.entries())
    for (const part of ["train", "test"])
      for (let n = 0; n < 4; n++) {
        const colour: Colour = [25 * label, 60 * n, part.length * 20];
        writeFiles(folder, { [path.join(part, name, `${n}.png`)]: await png(32, 32, colour) });
      }
}

const reason = whyNoRay();

describe("on a real cluster", () => {
  let head: RealHead;
  const small = ["data.trainLimit=512", "data.testLimit=128", "train.epochs=4", "train.warmupEpochs=0", "train.batchSize=128", "train.precision=fp32"];
  const settings = small.flatMap((each) => ["--set", each]);

  beforeAll(async () => {
    if (reason) return;
    head = await realHead(2, 1);
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

  test("nodes download data by their address, and what comes home is put together with the same data here", { timeout: 600_000 }, async ({ skip }) => {
    if (reason) skip(reason);
    await writePictures(path.join(head.folder, "pictures"));
    expect(spawnSync("tar", ["-czf", "pictures.tar.gz", "pictures"], { cwd: head.folder }).status).toBe(0);
    head.serve(8000);
    const args = ["compare", "--recipe", "recipe.json", ...settings, "--set", "data.path=pictures", "--set", "data.validation=null", "--seeds", "2"];
    const checksum = createHash("sha256")
      .update(readFileSync(path.join(head.folder, "pictures.tar.gz")))
      .digest("hex");
    const there = ["--data-there", `http://127.0.0.1:8000/pictures.tar.gz#sha256=${checksum}`, "--job-node", "ship"];
    const { status, err } = await head.distill([...args, "--on", ADDRESS, ...there, "--out", "downloaded"]);
    expect([status, err]).toEqual([0, expect.stringContaining("Downloading the data: ")]);
    const data = path.join(head.folder, "ray/session_latest/distill-data");
    expect(readdirSync(data)).toEqual([checksum]);
    const none = await head.distill([...args, "--on", ADDRESS, "--data-there", "http://127.0.0.1:8000/nothing.zip", "--job-node", "ship", "--out", "nothing"]);
    expect([none.status, none.err]).toEqual([
      1,
      expect.stringContaining("http://127.0.0.1:8000/nothing.zip answers with status 404: the file is not available there"),
    ]);
  });

  test("a job that finds no GPU where Ray promised one says so, and goes on with processors", { timeout: 600_000 }, async ({ skip }) => {
    if (reason) skip(reason);
    const on = ["compare", "--on", ADDRESS, "--out", "gpu"];
    const first = await head.distill([...on, "--recipe", "recipe.json", ...settings, "--set", "device=cuda", "--seeds", "1", "--job-node", "ship"]);
    expect([first.status, first.err]).toEqual([
      1,
      expect.stringMatching(/1 job on .*, each with 2 processors and 1 GPU\.[\s\S]*seed 0: device: "cuda" is not available: /),
    ]);
    expect(first.err).not.toContain("EACCES");
    const second = await head.distill([...on, "--resume", "--set", "device=cpu"]);
    expect([second.status, second.err]).toEqual([0, expect.not.stringContaining("error")]);
  });

  test("a wrong token is told", async ({ skip }) => {
    if (reason) skip(reason);
    const { status, err } = await head.distill(["doctor", "--on", ADDRESS], undefined, "wrong");
    expect([status, err]).toEqual([1, expect.stringContaining("refuses the token (status 403)")]);
  });
});

/**
 * With a real head of Ray, where Python has Ray: in a network of its own with nothing but loopback, as a head listens on all addresses. It
 * needs `unshare -n` and `nsenter`, so Linux and root.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill, PROGRAM } from "../cli/distill";
import { noPython, python } from "../python";

const TOKEN = "0123456789abcdef0123456789abcdef";
const ADDRESS = "ray://127.0.0.1:8265";

function whyNot(): string | null {
  if (spawnSync("unshare", ["-n", "nsenter", "--version"]).status !== 0) return "this user cannot make a network of its own with unshare -n";
  return noPython("ray", "ray.dashboard");
}
const reason = whyNot();

describe("on a real cluster", () => {
  let folder: string;
  let head: ChildProcess;
  let here: Record<string, string>;
  const small = ["data.trainLimit=512", "data.testLimit=128", "train.epochs=4", "train.warmupEpochs=0", "train.batchSize=128", "train.precision=fp32"];
  const settings = small.flatMap((each) => ["--set", each]);

  /** In the network of the head. */
  const there = (args: string[], onError: (text: string) => void = () => {}, token = TOKEN): Promise<{ status: number | null; out: string; err: string }> => {
    const env = { ...process.env, RAY_AUTH_TOKEN: token };
    const child = spawn("nsenter", [`--net=/proc/${head.pid}/ns/net`, process.execPath, PROGRAM, ...args], { cwd: folder, env });
    const finished = { out: "", err: "" };
    child.stdout.on("data", (text) => (finished.out += text));
    child.stderr.on("data", (text) => {
      finished.err += text;
      onError(finished.err);
    });
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, ...finished })));
  };

  beforeAll(async () => {
    if (reason) return;
    folder = mkdtempSync(path.join(tmpdir(), "ray-"));
    for (const name of ["ray", "storage"]) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, "recipe.json"), JSON.stringify(presetOf("demo").written));
    const ray = "--head --block --port 6399 --include-dashboard true --dashboard-host 127.0.0.1 --dashboard-port 8265 --num-cpus 2 --disable-usage-stats";
    const start = `ip link set lo up && exec ${python} -m ray.scripts.scripts start ${ray} --temp-dir ${path.join(folder, "ray")}`;
    here = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: TOKEN };
    head = spawn("unshare", ["-n", "sh", "-c", start], { env: { ...process.env, ...here }, stdio: "ignore", detached: true });
    for (;;) {
      const { status } = await there(["doctor", "--on", ADDRESS]);
      if (status === 0) return;
      if (head.exitCode !== null) throw new Error(`ray start ended with ${head.exitCode}`);
    }
  }, 120_000);

  afterAll(() => {
    if (reason) return;
    spawnSync("nsenter", [`--net=/proc/${head.pid}/ns/net`, python, "-m", "ray.scripts.scripts", "stop", "--force"]);
    try {
      process.kill(-head.pid!, "SIGKILL");
    } catch {}
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a training decides: weights, what was answered, and curves without times. */
  function decided(run: string): string[] {
    return [0, 1, 2].flatMap((seed) =>
      ["control", "student"].flatMap((arm) => {
        const at = (file: string) => path.join(folder, run, `seed-${seed}`, arm, file);
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
    const killThird = (text: string) => {
      if (wasKilled || !text.includes("seed 2: student epoch 1/4")) return;
      wasKilled = true;
      const processes = spawnSync("pgrep", ["-f", "out/cli/distill.cjs.*recipe-distill-[0-9a-f]*-3.json"], { encoding: "utf8" }).stdout.trim().split("\n");
      for (const pid of processes.flatMap((pid) => [readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[1]!, pid]))
        process.kill(Number(pid), "SIGKILL");
    };
    const on = ["--on", ADDRESS];
    const first = await there(
      ["compare", "--recipe", "recipe.json", ...settings, ...on, "--job-node", "ship", "--storage", path.join(folder, "storage"), "--out", "there"],
      killThird,
    );
    expect([first.status, first.err]).toEqual([1, expect.stringMatching(/1 of 3 jobs did not get to its end\nseed 2: its job was killed there by signal 9/)]);
    expect(first.err).toMatch(/all jobs +\d+%/);
    const second = await there(["compare", ...on, "--resume", "--out", "there"]);
    expect([second.status, second.err]).toEqual([0, expect.not.stringContaining("epoch 1/4")]);
    expect(second.out).toMatch(/^mean /m);
    const local = await distill(["compare", "--recipe", "recipe.json", ...settings, "--out", "here"], folder);
    expect([local.status, decided("there")]).toEqual([0, decided("here")]);
    const logs = path.join(folder, "ray/session_latest/logs");
    expect(existsSync(path.join(logs, "distill")) ? readdirSync(path.join(logs, "distill")) : []).toEqual([]);
  });

  test("a wrong token is told", async ({ skip }) => {
    if (reason) skip(reason);
    const { status, err } = await there(["doctor", "--on", ADDRESS], undefined, "wrong");
    expect([status, err]).toEqual([1, expect.stringContaining("refuses the token (status 403)")]);
  });
});

// Runs as resources, as a person at a terminal uses them: two processes on one run, ends of all kinds, and sweeps.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { distill, type Finished, interruptAt, PROGRAM } from "./distill";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-runs-"));
  const data = { path: "bundled", trainLimit: 16, testLimit: 8 };
  const student = { model: "vit_micro_patch4_32" };
  const train = { epochs: 1, batchSize: 8, warmupEpochs: 0 };
  writeFileSync(path.join(cwd, "single.json"), JSON.stringify({ data, student, train, teacher: null, distillation: null }));
  const teacher = { model: "resnet20_cifar10", weights: "bundled" };
  writeFileSync(path.join(cwd, "both.json"), JSON.stringify({ data, student, train, teacher, distillation: { temperature: 2, alpha: 0.5 } }));
});
afterAll(() => rmSync(cwd, { recursive: true }));

const ENDLESS = ["--set", "train.epochs=1000", "--set", "train.evaluateEvery=1000"];
const events = (run: string) =>
  readFileSync(path.join(cwd, run, "events.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).type);
const batches = (run: string) => readFileSync(path.join(cwd, run, "batches.csv"), "utf8").split("\n").length;

/** Starts a run that does not end by itself. Resolves once it trains. */
async function training(out: string): Promise<{ child: ChildProcess; ended: Promise<Finished> }> {
  let seen: (child: ChildProcess) => void = () => {};
  const begun = new Promise<ChildProcess>((resolve) => {
    seen = resolve;
  });
  const args = ["train", "--recipe", "single.json", "--out", out, ...ENDLESS];
  const ended = distill(args, cwd, (text, child) => /epoch \d+\/1000/.test(text) && seen(child));
  return { child: await begun, ended };
}

describe("a run that one process trains", () => {
  let owner: Awaited<ReturnType<typeof training>>;
  beforeAll(async () => {
    owner = await training("shared");
  }, 60_000);
  afterAll(() => void owner.child.kill("SIGKILL"));

  it("is listed with its owner, and has its lock", async () => {
    const listed = JSON.parse((await distill(["runs", "list", ".", "--json"], cwd)).out);
    expect(listed).toMatchObject([{ directory: path.join(cwd, "shared"), state: "running", owner: { program: "command line", host: null } }]);
  });

  it("is neither resumed nor deleted by another, who says who has it and changes nothing", async () => {
    for (const args of [
      ["train", "--recipe", "single.json", "--out", "shared", "--resume", ...ENDLESS],
      ["runs", "delete", "shared"],
      ["runs", "delete", "shared", "--for-good"],
    ]) {
      const { status, err } = await distill(args, cwd);
      expect(status).toBe(1);
      expect(err).toMatch(/shared is being trained by process \d+/);
    }
    expect(new Set(events("shared"))).toEqual(new Set(["started", "warning", "note", "checkpoint"]));
  });

  it("is watched by another, who may leave, and stopped by a third, with a checkpoint", async () => {
    const left = await distill(["runs", "watch", "shared"], cwd, interruptAt(/epoch \d+\/1000/));
    expect(left.status).toBe(130);
    expect(left.err).toMatch(/no longer watching; the command line, process \d+ goes on training/);
    const watched = distill(["runs", "watch", "shared", "--json"], cwd);
    const stopped = await distill(["runs", "stop", "shared"], cwd);
    expect(stopped).toMatchObject({ status: 0, out: "shared: stopped, with a checkpoint\n" });
    expect((await owner.ended).status).toBe(130);
    expect(await watched).toMatchObject({ status: expect.any(Number) });
    expect(events("shared").slice(-2)).toEqual(["checkpoint", "stopped"]);
    const { status, err } = await distill(["runs", "stop", "shared"], cwd);
    expect(status).toBe(1);
    expect(err).toContain("no process trains this run now");
  });

  it("shows what it has done, gets a name and a note, goes to the bin and comes back, and is deleted for good without what somebody else put there", async () => {
    expect((await distill(["runs", "show", "shared"], cwd)).out).toMatch(/state +stopped\n.*epochs +\d+ of 1000\n/s);
    writeFileSync(path.join(cwd, "shared", "notes.txt"), "mine");
    expect((await distill(["runs", "rename", "shared", "the long one"], cwd)).out).toBe("shared is now called the long one\n");
    expect((await distill(["runs", "note", "shared", "learns nothing"], cwd)).out).toBe("shared has this note now\n");
    const binned = await distill(["runs", "delete", "shared"], cwd);
    expect(binned.out).toMatch(
      /shared is in the bin, \.bin, .*: \.bin\/shared\n.* runs restore \.bin\/shared restores it\n.* runs delete --for-good \.bin\/shared deletes it\n/,
    );
    expect((await distill(["runs", "list", "."], cwd)).out).toContain("no runs");
    expect((await distill(["runs", "restore", ".bin/shared"], cwd)).out).toBe("restored from the bin, .bin: shared\n");
    expect((await distill(["runs", "restore", "shared"], cwd)).err).toMatch(/shared is in no bin: .* runs list \.bin lists those there/);
    await distill(["runs", "delete", "shared"], cwd);
    expect((await distill(["runs", "restore", "shared"], cwd)).out).toBe("restored from the bin, .bin: shared\n");
    expect((await distill(["runs", "list", "."], cwd)).out).toMatch(/shared +the long one +stopped +\d+\/1000 +fp32|bf16/);
    const { out } = await distill(["runs", "delete", "shared", "--for-good"], cwd);
    expect(out).toBe("shared: 1 run deleted for good; not this program's, and kept:\n  shared/notes.txt\n");
    expect(existsSync(path.join(cwd, "shared", "recipe.json"))).toBe(false);
  });
});

describe("a run ends with a checkpoint", () => {
  // Several: as a terminal that is closed, or one signal that npm passes on again.
  it.each(["SIGTERM", "SIGHUP", "SIGINT", "SIGHUP and SIGTERM", "SIGINT and SIGTERM and SIGHUP"])("at %s", async (name) => {
    const { child, ended } = await training(name);
    for (const signal of name.split(" and ")) child.kill(signal as NodeJS.Signals);
    const { status, err } = await ended;
    expect(status).toBe(130);
    expect(err).toMatch(/Resume with: node \S+distill\.mjs train --resume --out /);
    expect(events(name).slice(-2)).toEqual(["checkpoint", "stopped"]);
  });

  it("when the command itself is killed", async () => {
    const { child, ended } = await training("killed");
    child.kill("SIGKILL");
    await ended;
    await expect.poll(() => events("killed").at(-1), { timeout: 20_000 }).toBe("stopped");
    await expect.poll(() => existsSync(path.join(cwd, "killed", "lock"))).toBe(false);
  });

  it("when npx, which started it through a shell, is killed", async () => {
    // As npm does it: npm, a shell, the program.
    const script = `require("child_process").spawn("sh", ["-c", '"$0" "$@"; true', ...process.argv.slice(1)], { stdio: "inherit" })`;
    const args = [process.execPath, PROGRAM, "train", "--recipe", "single.json", "--out", "npx", ...ENDLESS];
    const npm = spawn(process.execPath, ["-e", script, ...args], { cwd, stdio: "ignore", env: { ...process.env, npm_execpath: "npm" } });
    await expect.poll(() => existsSync(path.join(cwd, "npx", "batches.csv")) && batches("npx") > 3, { timeout: 60_000 }).toBe(true);
    npm.kill("SIGKILL");
    await expect.poll(() => events("npx").at(-1), { timeout: 20_000 }).toBe("stopped");
  });
});

describe("a folder that changes under a run", () => {
  it("moved: nothing is written to the old place, and the run resumes at the new one", async () => {
    const { child, ended } = await training("here");
    renameSync(path.join(cwd, "here"), path.join(cwd, "there"));
    const { status, err } = await ended;
    expect(child.exitCode).toBe(1);
    expect([status, err]).toEqual([1, expect.stringContaining("here was moved or deleted while it was being trained")]);
    expect(existsSync(path.join(cwd, "here"))).toBe(false);
    const resumed = await distill(["train", "--recipe", "single.json", "--out", "there", "--resume", ...ENDLESS], cwd, interruptAt(/batches per epoch/));
    expect(resumed.status).toBe(130);
    expect(events("there")).toContain("resumed");
  });

  it("without one of its files: the run ends, and resumes from its last checkpoint", async () => {
    const { ended } = await training("robbed");
    rmSync(path.join(cwd, "robbed", "batches.csv"));
    const { status, err } = await ended;
    expect([status, err]).toEqual([1, expect.stringMatching(/batches\.csv was deleted while the run was being trained.*Resume the run/)]);
  });
});

describe("several seeds", () => {
  it("are compared one after the other, in folders of their own; stopped between them, the sweep goes on where it was", async () => {
    const args = ["compare", "--recipe", "both.json", "--seeds", "2", "--out", "sweep", "--json"];
    const stopped = await distill(args, cwd, interruptAt(/seed 1 \(2 of 2\)/));
    expect(stopped.status).toBe(130);
    // Recipe and seeds are in the folder.
    expect(JSON.parse(stopped.out).error.resume).toMatch(/distill\.mjs compare --resume --out .*sweep$/);
    // For a part of it, as by a command of before it was to have more seeds; what it was to have is kept.
    const fewer = await distill(["compare", "--resume", "--out", "sweep", "--seeds", "1", "--json"], cwd);
    expect([fewer.status, fewer.err]).toEqual([0, expect.stringContaining("was begun with 2 seeds, of which the first seed alone is trained")]);
    expect(JSON.parse(fewer.out)).toMatchObject({ seeds: [0], directory: path.join(cwd, "sweep") });
    expect(existsSync(path.join(cwd, "sweep", "seed-1"))).toBe(false);
    const { status, out } = await distill(["compare", "--resume", "--out", "sweep", "--json"], cwd);
    expect(status).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({ seeds: [0, 1], controlled: true, directory: path.join(cwd, "sweep") });
    expect(result.runs.map(({ seed, arm }: { seed: number; arm: string }) => [seed, arm])).toEqual([
      [0, "control"],
      [0, "student"],
      [1, "control"],
      [1, "student"],
    ]);
    const accuracies = (arm: string) => result.runs.filter((run: { arm: string }) => run.arm === arm).map(({ testAcc }: { testAcc: number }) => testAcc);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(result.control.testAcc).toBeCloseTo(mean(accuracies("control")), 12);
    expect(result.difference).toBeCloseTo(mean(accuracies("student")) - mean(accuracies("control")), 12);
    for (const file of ["comparison.json", "report.html", "seed-0/comparison.json", "seed-1/report.html"])
      expect(existsSync(path.join(cwd, "sweep", file))).toBe(true);
    const alone = await distill(["compare", "--recipe", "both.json", "--set", "train.seed=1", "--seeds", "1", "--out", "alone", "--json"], cwd);
    expect(JSON.parse(alone.out).runs.map(({ hashes }: { hashes: object }) => hashes)).toEqual(
      result.runs.slice(2).map(({ hashes }: { hashes: object }) => hashes),
    );
  }, 120_000);
});

it("three that are started in the same moment without --out are three runs", async () => {
  const started = [0, 1, 2].map((seed) => distill(["train", "--recipe", "single.json", "--set", `train.seed=${seed}`], cwd));
  const finished = await Promise.all(started);
  expect(finished.map(({ status, err }) => [status, err.match(/^error.*/m)])).toEqual(Array(3).fill([0, null]));
  const folders = finished.map(({ out }) => /^Run: (.*)$/m.exec(out)![1]!);
  expect(new Set(folders).size).toBe(3);
  const seeds = folders.map((folder) => JSON.parse(readFileSync(path.join(cwd, folder, "recipe.json"), "utf8")).recipe.train.seed);
  expect(seeds).toEqual([0, 1, 2]);
});

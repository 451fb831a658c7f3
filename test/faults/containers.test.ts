// Runs and limits in containers, of which Linux's name spaces and control groups are the parts. Where they may not be made, tests are skipped.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DoctorReport } from "../../src-main/contract/doctor";
import { PROGRAM } from "../cli/distill";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-containers-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

// ---- Processes ----------------------------------------------------------------------------------------------------------------------

/** A space of process numbers, which begin at 1, as each container has. */
const OWN_NUMBERS = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
const canUnshare = process.platform === "linux" && spawnSync("unshare", [...OWN_NUMBERS, "true"]).status === 0;

const ARGS = ["train", "--recipe", "recipe.json", "--out", "run"];

test("a run that was killed in one container is resumed in another, where its process number belongs to somebody else", async ({ skip }) => {
  if (!canUnshare) skip("unshare may not make a space of process numbers here");
  const recipe = {
    data: { path: "bundled", trainLimit: 16, testLimit: 8 },
    teacher: null,
    student: { model: "vit_micro_patch4_32" },
    train: { epochs: 8, batchSize: 8, warmupEpochs: 0, evaluateEvery: 8 },
  };
  writeFileSync(path.join(cwd, "recipe.json"), JSON.stringify(recipe));
  // As the first process: number 1.
  const first = spawn("unshare", [...OWN_NUMBERS, process.execPath, PROGRAM, ...ARGS], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => first.on("close", resolve));
  first.stderr.on("data", (text: Buffer) => /epoch [2-7]\/8/.test(text.toString()) && first.kill("SIGKILL"));
  await ended;
  expect(existsSync(path.join(cwd, "run", "lock"))).toBe(true);
  // Below a shell: 1 and the numbers after it are others.
  const { status, stderr } = spawnSync("unshare", [...OWN_NUMBERS, "sh", "-c", '"$0" "$@"; exit $?', process.execPath, PROGRAM, ...ARGS, "--resume"], {
    cwd,
    encoding: "utf8",
  });
  expect(stderr).not.toContain("is being trained");
  expect(status).toBe(0);
  expect(
    readFileSync(path.join(cwd, "run", "epochs.csv"), "utf8")
      .trim()
      .split("\n"),
  ).toHaveLength(9);
}, 120_000);

// ---- Limits -------------------------------------------------------------------------------------------------------------------------

const ROOT = "/sys/fs/cgroup";
const NAME = `distill-test-${process.pid}`;

/** A group for one test; null where none may be made. */
function groupOf(controller: "cpu" | "memory"): string | null {
  const isOne = existsSync(path.join(ROOT, "cgroup.controllers"));
  const parent = isOne ? ROOT : path.join(ROOT, controller);
  try {
    if (isOne) writeFileSync(path.join(ROOT, "cgroup.subtree_control"), `+${controller}`);
    mkdirSync(path.join(parent, NAME));
    return path.join(parent, NAME);
  } catch {
    return null;
  }
}

/** What doctor says in a group with these files. */
function doctorIn(group: string, files: Record<string, string>): DoctorReport {
  try {
    const names = readdirSync(group);
    for (const [name, text] of Object.entries(files)) if (names.includes(name)) writeFileSync(path.join(group, name), text);
    const script = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@" doctor --json';
    const { stdout } = spawnSync("sh", ["-c", script, "sh", group, process.execPath, PROGRAM], {
      encoding: "utf8",
      env: { ...process.env, DISTILL_THREADS: "" },
    });
    return JSON.parse(stdout);
  } finally {
    rmdirSync(group);
  }
}

describe("a container's limit", () => {
  test("of processors is the number of threads", ({ skip }) => {
    const group = groupOf("cpu");
    if (group === null) return skip("control groups of processors may not be made here");
    const { cpu } = doctorIn(group, { "cpu.max": "100000 100000", "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000" });
    expect(cpu).toMatchObject({ threads: 1, threadsReason: expect.stringContaining(`${NAME}/cpu.`) });
  });

  test("of memory is the memory that there is", ({ skip }) => {
    const group = groupOf("memory");
    if (group === null) return skip("control groups of memory may not be made here");
    const bytes = 1.5 * 2 ** 30;
    const { memory } = doctorIn(group, { "memory.max": String(bytes), "memory.limit_in_bytes": String(bytes) });
    expect(memory).toMatchObject({ totalBytes: bytes, limitedBy: expect.stringContaining(`${NAME}/memory.`) });
    expect(memory.freeBytes).toBeLessThan(bytes);
  });
});

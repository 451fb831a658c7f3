import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DoctorReport } from "../../src-main/contract/doctor";
import { distill, PROGRAM } from "./distill";

const doctor = async (variables: Record<string, string>, ...args: string[]) =>
  distill(["doctor", ...args], tmpdir(), undefined, { ...process.env, ...variables });

test("DISTILL_THREADS says how many threads compute, and doctor that it does", async () => {
  const { out } = await doctor({ DISTILL_THREADS: "3" });
  expect(out).toMatch(/^threads +3: as DISTILL_THREADS says$/m);
  const report: DoctorReport = JSON.parse((await doctor({ DISTILL_THREADS: "3" }, "--json")).out);
  expect(report.cpu.threads).toBe(3);
});

test("DISTILL_THREADS that is no number is refused", async () => {
  const { status, err } = await doctor({ DISTILL_THREADS: "all" });
  expect([status, err]).toEqual([2, 'error: the environment variable DISTILL_THREADS: expected a whole number from 1 to 1024, got "all"\n']);
});

test("--threads goes before the environment, and OMP_NUM_THREADS is a limit", async () => {
  expect((await doctor({ DISTILL_THREADS: "3" }, "--threads", "2")).out).toMatch(/^threads +2: as --threads says$/m);
  const limited = await doctor({ DISTILL_THREADS: "", OMP_NUM_THREADS: "1" });
  expect(limited.out).toMatch(/^threads +1: (OMP_NUM_THREADS allows 1 of \d+ cores|one for each core)$/m);
});

test.skipIf(availableParallelism() < 2)("a run says once that fewer threads compute than there are cores, unless a person chose so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "distill-threads-"));
  const small = ["data.trainLimit=64", "data.testLimit=32", "train.epochs=1", "train.warmupEpochs=0", "train.batchSize=32"].flatMap((each) => ["--set", each]);
  const demo = (out: string, variables: Record<string, string>) =>
    distill(["demo", "--out", join(folder, out), ...small], folder, undefined, { ...process.env, OMP_NUM_THREADS: "1", ...variables });
  const limited = await demo("limited", { DISTILL_THREADS: "" });
  expect(limited.err.match(/^One thread computes: OMP_NUM_THREADS allows 1 of \d+ cores; --threads takes another number/gm)).toHaveLength(1);
  const chosen = await demo("chosen", { DISTILL_THREADS: "2" });
  expect([limited.status, chosen.status, chosen.err.includes("OMP_NUM_THREADS")]).toEqual([0, 0, false]);
  rmSync(folder, { recursive: true });
});

const hasTaskset = process.platform === "linux" && spawnSync("taskset", ["-c", "0", "true"]).status === 0;

test.skipIf(!hasTaskset)("on one processor by affinity there is one thread, in the right grammar", () => {
  const { stdout } = spawnSync("taskset", ["-c", "0", process.execPath, PROGRAM, "doctor"], {
    encoding: "utf8",
    env: { ...process.env, DISTILL_THREADS: "", OMP_NUM_THREADS: "" },
  });
  expect(stdout).toMatch(/^threads +1: /m);
  expect(stdout).toMatch(/^processor .*, 1 logical core$/m);
});

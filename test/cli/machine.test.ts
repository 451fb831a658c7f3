import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
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

const hasTaskset = process.platform === "linux" && spawnSync("taskset", ["-c", "0", "true"]).status === 0;

test.skipIf(!hasTaskset)("on one processor by affinity there is one thread, in the right grammar", () => {
  const { stdout } = spawnSync("taskset", ["-c", "0", process.execPath, PROGRAM, "doctor"], { encoding: "utf8", env: { ...process.env, DISTILL_THREADS: "" } });
  expect(stdout).toMatch(/^threads +1: /m);
  expect(stdout).toMatch(/^processor .*, 1 logical core$/m);
});

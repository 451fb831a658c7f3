// From a folder of photos without a split to a report, in four commands: under six minutes on two cores.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataInfo } from "../../src-main/contract/data-info";
import type { FittedTeacher } from "../../src-main/contract/fitted-teacher";
import { distill } from "../cli/distill";
import { writePhotos } from "../own-photos";

const PER_CLASS = 400;

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "distill-photos-"));
  await writePhotos(join(cwd, "photos"), PER_CLASS);
});
afterAll(() => rmSync(cwd, { recursive: true }));

test("2,400 photos in six classes have a teacher, a comparison and a report in six minutes", async () => {
  const env = { ...process.env, DISTILL_CACHE: join(cwd, "cache") };
  const began = performance.now();
  const times: Record<string, number> = {};
  const timed = async (...args: string[]) => {
    const start = performance.now();
    const { status, out, err } = await distill([...args, "--json"], cwd, undefined, env);
    times[args.slice(0, 2).join(" ")] = Math.round((performance.now() - start) / 1000);
    if (status !== 0) throw new Error(err);
    return JSON.parse(out);
  };
  const info: DataInfo = await timed("data", "info", "photos");
  expect([info.train.count, info.test.count]).toEqual([1920, 480]);
  const { test, recipe }: FittedTeacher = await timed("train-teacher", "--data", "photos", "--out", "runs/teacher");
  const compared = await timed("compare", "--recipe", recipe, "--seeds", "1", "--out", "runs/compared");
  await timed("report", "--runs", "runs/compared", "--format", "html", "--out", "report.html");
  const minutes = (performance.now() - began) / 60_000;
  console.log({ teacher: test.accuracy, control: compared.control.testAcc, student: compared.student.testAcc, minutes, times });
  expect(compared).toMatchObject({ controlled: true });
  // The comparison may answer in bf16, the teacher's own report is in fp32.
  expect(Math.abs(compared.teacher.testAcc - test.accuracy)).toBeLessThan(0.01);
  expect(readFileSync(join(cwd, "report.html"), "utf8")).toContain("photos");
  expect(test.accuracy).toBeGreaterThan(0.7);
  expect(minutes).toBeLessThan(6);
});

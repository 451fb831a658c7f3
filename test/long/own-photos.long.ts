// From a folder of photos without a split to a report, in four commands: under six minutes on two cores.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataInfo } from "../../src-main/contract/data-info";
import type { FittedTeacher } from "../../src-main/contract/fitted-teacher";
import { distill } from "../cli/distill";

const SAMPLE = resolve(import.meta.dirname, "../../assets/cifar-10-sample/cifar-10-batches-bin");
const CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog"];
const PER_CLASS = 400;
const SIDE = 32;
const RECORD = 1 + 3 * SIDE * SIDE;

/** The bundled images of six classes as photos of 500 x 375 px, in a folder for each class. */
async function writePhotos(folder: string): Promise<void> {
  const written = CLASSES.map(() => 0);
  for (const name of CLASSES) mkdirSync(join(folder, name), { recursive: true });
  for (const batch of [1, 2, 3, 4, 5]) {
    const bytes = readFileSync(join(SAMPLE, `data_batch_${batch}.bin`));
    for (let at = 0; at < bytes.length; at += RECORD) {
      const label = bytes[at]!;
      if (label >= CLASSES.length || written[label]! >= PER_CLASS) continue;
      const planes = bytes.subarray(at + 1, at + RECORD);
      const pixels = Buffer.from(Array.from({ length: 3 * SIDE * SIDE }, (_, i) => planes[(i % 3) * SIDE * SIDE + Math.floor(i / 3)]!));
      const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).resize(500, 375, { fit: "cover" });
      writeFileSync(join(folder, CLASSES[label]!, `${written[label]!++}.jpg`), await image.jpeg().toBuffer());
    }
  }
  expect(written).toEqual(CLASSES.map(() => PER_CLASS));
}

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "distill-photos-"));
  await writePhotos(join(cwd, "photos"));
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
  expect(compared).toMatchObject({ controlled: true, teacher: { testAcc: test.accuracy } });
  expect(readFileSync(join(cwd, "report.html"), "utf8")).toContain("photos");
  expect(test.accuracy).toBeGreaterThan(0.7);
  expect(minutes).toBeLessThan(6);
});

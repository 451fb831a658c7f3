// Photos of 500 x 375 pixels at 224 pixels: the processor time of an image, beside Pillow's in alternation where Python has it (DISTILL_PYTHON names it).
// DISTILL_PHOTOS gives another number than 10,000. The figures are in docs/performance/images.md.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { DECODED_AT_ONCE, decodeSquare } from "../../src-main/data/decode";
import { useBackend } from "../../src-main/tensor/tensor";
import { photo } from "../data/photo";

const PHOTOS = Number(process.env.DISTILL_PHOTOS ?? 10_000);
/** Others are copies: what an image shows hardly changes its time. */
const DIFFERENT = 50;
const ROUNDS = 5;
const SIDE = 224;
/** The most that an image may take, in times of Pillow's processor time. */
const GOAL = 1.2;

const PYTHON = process.env.DISTILL_PYTHON ?? "python3";
const hasPillow = spawnSync(PYTHON, ["-c", "import PIL"]).status === 0;

/** Milliseconds of an image. */
interface Times {
  processor: number;
  clock: number;
}

let folder: string;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "distill-photos-"));
  const photos = await Promise.all(Array.from({ length: DIFFERENT }, (_, n) => photo(500, 375, n)));
  for (let n = 0; n < PHOTOS; n++) writeFileSync(join(folder, `${n}.jpg`), photos[n % DIFFERENT]!);
  console.log(`${PHOTOS} photos of ${Math.round(photos.reduce((sum, { length }) => sum + length, 0) / DIFFERENT / 1000)} kB`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function ours(): Promise<Times> {
  const paths = readdirSync(folder).map((name) => join(folder, name));
  let next = 0;
  const read = async () => {
    while (next < paths.length) await decodeSquare({ path: paths[next++]! }, SIDE);
  };
  const [busy, began] = [process.cpuUsage(), performance.now()];
  await Promise.all(Array.from({ length: DECODED_AT_ONCE }, read));
  const { user, system } = process.cpuUsage(busy);
  return { processor: (user + system) / 1000 / paths.length, clock: (performance.now() - began) / paths.length };
}

function pillows(): Times {
  const script = join(import.meta.dirname, "decode-speed.py");
  const [processor, clock] = execFileSync(PYTHON, [script, String(SIDE), folder], { encoding: "utf8" })
    .split(" ")
    .map(Number);
  return { processor: processor!, clock: clock! };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const told = ({ processor, clock }: Times) => `${processor.toFixed(2)} ms of processor time and ${clock.toFixed(2)} ms`;

test("an image takes at most 1.2 times the processor time that Pillow takes", async () => {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const own = await ours();
    if (!hasPillow) {
      console.log(`${told(own)} an image; ${PYTHON} has no Pillow to compare with`);
      continue;
    }
    const theirs = pillows();
    ratios.push(own.processor / theirs.processor);
    console.log(`${told(own)} an image, Pillow ${told(theirs)}: ${ratios.at(-1)!.toFixed(2)} times its processor time`);
  }
  if (hasPillow) expect(median(ratios)).toBeLessThanOrEqual(GOAL);
});

// What a comparison proves: as far as its batches were the same, and no further.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { compareEvidence, evidenceOf } from "../../src-main/contract/evidence";
import type { ComparisonResult } from "../../src-main/contract/run";
import { atOnce } from "../../src-main/contract/turns";
import { readRun } from "../../src-main/runs/reader";
import { writeReport } from "../../src-main/runs/report";
import { backend, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { textOf } from "../runs/page-text";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

/** Of the recipe; there are fewer test images. */
const TRAINING_IMAGES = vi.hoisted(() => 20);

/** What is changed behind an equal plan: the first pixels or labels to train on that are made once `when` holds. */
const tampering = vi.hoisted(() => ({ with: null as "pixels" | "labels" | null, when: (): boolean => false }));
vi.mock("../../src-main/data/batches", async (importActual) => {
  const actual = await importActual<typeof import("../../src-main/data/batches")>();
  const tampered = (what: "pixels" | "labels", shown: Tensor) => {
    if (tampering.with !== what || !tampering.when()) return shown;
    tampering.with = null;
    const values = what === "pixels" ? shown.toFloat32() : shown.toInt32();
    values[0] = values[0]! + (what === "pixels" ? 1e-3 : values[0]! < 9 ? 1 : -1);
    backend().write(shown.handle, values);
    return shown;
  };
  return {
    ...actual,
    render: (...args: Parameters<typeof actual.render>) => tampered("pixels", actual.render(...args)),
    labelsOf: (...args: Parameters<typeof actual.labelsOf>) => {
      const labels = actual.labelsOf(...args);
      return args[0].count === TRAINING_IMAGES ? tampered("labels", labels) : labels;
    },
  };
});

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());
beforeEach(() => {
  tampering.with = null;
});

/** Both arms in turn, in 2 epochs of 3 batches: steps 1 to 3 are the control's, 4 to 6 the student's, and so on. */
const recipe = () => smallRecipe(folder.teacher);
const armsIn = (out: string) => [readRun(`${out}/control`), readRun(`${out}/student`)] as const;
const reportOn = (out: string) => textOf(readFileSync(atOnce(writeReport({ runs: [out], format: "html", out: `${out}/report.html` })), "utf8"));

describe("a comparison that is stopped and resumed", () => {
  test.each([
    { stopAfter: 2, batches: [2, 0] },
    { stopAfter: 5, batches: [3, 2] },
    { stopAfter: 7, batches: [4, 3] },
    { stopAfter: 11, batches: [6, 5] },
  ])("after step $stopAfter compares up to the last batch of both arms, and is proven to the end once it is resumed", async ({ stopAfter, batches }) => {
    const out = folder.path(`stopped-${stopAfter}`);
    expect(await trainInto(out, recipe(), { stopAfter })).toMatchObject({ code: "INTERRUPTED" });
    const [control, student] = armsIn(out);
    expect([control, student].map((run) => run.batches.length)).toEqual(batches);
    const shared = Math.min(...batches);
    expect(compareEvidence(evidenceOf(control), evidenceOf(student))).toMatchObject({ provenTo: shared, differsAt: null, complete: true });
    const stopped = reportOn(out);
    expect(stopped).toContain(shared > 0 ? `Identical batches, verified up to batch ${shared}` : "Nothing is proven yet");
    expect(stopped).not.toMatch(/A fair comparison|Not a controlled|old kind|(more|fewer) than the control/);
    // No difference between unequal epochs.
    expect(/ Difference [+−]/.test(stopped)).toBe(control.epochsDone > 0 && control.epochsDone === student.epochsDone);

    expect((await trainInto(out, recipe(), { resume: true })).result).toMatchObject({ controlled: true, provenTo: 6, differingSettings: [] });
    expect(reportOn(out)).toContain("A fair comparison");
    for (const { batches } of armsIn(out)) expect(batches.every(({ chain }) => chain !== null)).toBe(true);
    expect(lines(`${out}/control/evidence.jsonl`)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  const lines = (path: string) =>
    readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).batch);

  test("without the last line of one arm's evidence is not proven", async () => {
    const out = folder.path("line-lost");
    await trainInto(out, recipe());
    const [control, student] = armsIn(out);
    student.batches.at(-1)!.chain = null;
    expect(compareEvidence(evidenceOf(control), evidenceOf(student))).toMatchObject({ complete: false, provenTo: 0 });
  });
});

describe("a comparison whose student was shown something else behind an equal plan", () => {
  test.each([
    ["pixel", "pixels"],
    ["label", "labels"],
  ] as const)("in one %s of its second batch is refused from there on", async (_, what) => {
    const out = folder.path(`other-${what}`);
    let steps = 0;
    // Three are the control's and one is the student's.
    tampering.when = () => steps === 4;
    tampering.with = what;
    const { result } = await trainInto(out, recipe(), { onStep: (done) => (steps = done) });
    expect(tampering.with).toBeNull();
    expect(result).toMatchObject({ controlled: false, tunedSeparately: false, provenTo: 1 });
    const [control, student] = armsIn(out);
    expect(student.hashes).toMatchObject({ data: control.hashes.data, initialWeights: control.hashes.initialWeights });
    expect(plansOf(`${out}/student`)).toEqual(plansOf(`${out}/control`));
    const text = textOf(readFileSync((result as ComparisonResult).report, "utf8"));
    expect(text).toContain("Not a controlled comparison");
    expect(text).toContain("✗ different pixels or labels from batch 2 on");
    expect(text).not.toContain("A fair comparison");
  });

  const plansOf = (run: string) =>
    readFileSync(`${run}/evidence.jsonl`, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).plan);

  test("that is stopped before that batch is proven so far, and refused once it goes on", async () => {
    const out = folder.path("other-later");
    await trainInto(out, recipe(), { stopAfter: 4 });
    expect(reportOn(out)).toContain("Identical batches, verified up to batch 1");
    // The student's second batch comes first.
    tampering.when = () => true;
    tampering.with = "labels";
    expect((await trainInto(out, recipe(), { resume: true })).result).toMatchObject({ controlled: false, provenTo: 1 });
    expect(reportOn(out)).toContain("different pixels or labels from batch 2 on");
  });
});

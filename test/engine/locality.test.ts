import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { NoticeBody } from "../../src-main/contract/notices";
import type { Recipe } from "../../src-main/contract/recipe";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, nobody, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** Locality guidance of a transformer with two by two patches. */
function recipe(): Recipe {
  const { student, ...rest } = smallRecipe(folder.teacher);
  const distillation: Recipe["distillation"] = {
    labels: 1,
    terms: [{ kind: "locality", weight: 40, block: 4, stage: null }],
    images: "all",
    cacheTeacher: true,
  };
  return { ...rest, student: { ...student, model: "vit_micro_patch4_32", patchSize: 4 }, distillation };
}

/** Trains, and returns the texts of its phases and the code of its failure. `onPhase` may stop it. */
async function phasesOf(out: string, { resume = false, onPhase }: { resume?: boolean; onPhase?: (text: string, run: Run) => void } = {}) {
  const phases: string[] = [];
  const run = new Run({ kind: "compare", recipe: recipe(), out, resume }, nobody, new SameThread());
  const notify = (notice: NoticeBody) => {
    if (notice.type !== "phase") return;
    phases.push(notice.text);
    onPhase?.(notice.text, run);
  };
  const code = await run.watch(0, notify).then(
    () => null,
    (error) => error.code,
  );
  return { phases, code };
}

const MEASURING = "Measuring the teacher's features on 20 images";
const student = (out: string) => readFileSync(`${out}/student/student.safetensors`);

test("measuring the teacher is announced, and can be stopped before anything is written", async () => {
  const out = folder.path("stopped");
  const { phases, code } = await phasesOf(out, { onPhase: (text, run) => void (text === MEASURING && run.control("stop")) });
  expect([phases.at(-1), code]).toEqual([MEASURING, "INTERRUPTED"]);
  expect(existsSync(`${out}/student/recipe.json`)).toBe(false);
});

test("a resumed run takes what was measured from its checkpoint, and ends with the same bits", async () => {
  const [whole, resumed] = [folder.path("whole"), folder.path("resumed")];
  expect((await phasesOf(whole)).phases).toContain(MEASURING);
  await trainInto(resumed, recipe(), { stopAfter: 4 });
  const { phases, code } = await phasesOf(resumed, { resume: true });
  expect(code).toBeNull();
  expect(phases).not.toContain(MEASURING);
  expect(student(resumed).equals(student(whole))).toBe(true);
});

import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { useBackend } from "../../../src-main/tensor/tensor";
import type { ObjectiveContext } from "../../../src-main/training/objectives/objective";
import { createObjective } from "../../../src-main/training/objectives/table";
import { goldens } from "./golden";
import { expectGoldenBetween, type StagesCase } from "./stages";

beforeAll(() => useBackend(loadAddon()));

const term = { kind: "features", weight: 1, studentStage: null, teacherStage: null } as const;
const cases: StagesCase[] = goldens.features;

test.each(cases)("is PyTorch's: of $student by $teacher", (golden) => expectGoldenBetween(term, golden));
test.each(cases)("of a student in bf16: of $student by $teacher", (golden) => expectGoldenBetween(term, golden, { floats: "bf16", tolerance: 2e-2 }));

test("is of the middle stages, and on the coarser grid, unless others are named", () => {
  const stages = [8, 4, 2].map((side, i) => ({ name: `layer${i + 1}`, kind: "map", side, channels: 4 }));
  const model = { featureStages: stages, gridStage: (name: string) => stages.find((stage) => stage.name === name) };
  const statistics = new Map(stages.map(({ name }) => [name, { mean: new Float32Array(4), std: new Float32Array(4) }]));
  const needsOf = (given: object) => {
    const context = { student: { model }, teacher: { model }, statistics, seed: 1 } as unknown as ObjectiveContext;
    const objective = createObjective({ ...term, ...given }, context);
    objective.weights!.release();
    return objective.needs;
  };
  expect(needsOf({})).toEqual({ studentFeatures: ["layer2"], teacherFeatures: [{ stage: "layer2", side: 4 }] });
  expect(needsOf({ studentStage: "layer3" })).toEqual({ studentFeatures: ["layer3"], teacherFeatures: [{ stage: "layer2", side: 2 }] });
  expect(needsOf({ teacherStage: "layer1" })).toEqual({ studentFeatures: ["layer2"], teacherFeatures: [{ stage: "layer1", side: 4 }] });
});

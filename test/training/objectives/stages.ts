/** Objectives between a stage of the student and one of the teacher, against PyTorch, from activations by formula. */
import { expect } from "vitest";
import type { GridStage } from "../../../src-main/contract/families";
import type { Term } from "../../../src-main/contract/objectives";
import { gridOf } from "../../../src-main/models/grid";
import { resizeGrid } from "../../../src-main/tensor/ops/resize-grid";
import { backend, backward, fromArray, noGrad, scope, type Tensor } from "../../../src-main/tensor/tensor";
import type { ObjectiveContext } from "../../../src-main/training/objectives/objective";
import { createObjective } from "../../../src-main/training/objectives/table";
import { sample, uniform } from "../../reference/formula";
import { expectClose, withGradient } from "./golden";

interface StageShape {
  kind: "map" | "tokens";
  side: number;
  channels: number;
}

/** Gradients are named after what they belong to: "dstudent", "dproject.weight". */
export type StagesCase = { student: StageShape; teacher: StageShape; loss: number } & { [gradient: `d${string}`]: number[] };

const N = 6;

/** Maps come in the type that the student computes in, tokens always in f32. */
export function expectGoldenBetween(term: Term, golden: StagesCase, { floats = "f32" as "f32" | "bf16", tolerance = 2e-5 } = {}): void {
  const [student, teacher] = [stageOf("student's", golden.student), stageOf("teacher's", golden.teacher)];
  const channels = golden.teacher.channels;
  const statistics = new Map([[teacher.name, { mean: uniform("mean", channels, 1), std: uniform("std", channels, 0.5, 1) }]]);
  const objective = createObjective(term as never, { student: having(student), teacher: having(teacher), statistics, seed: 3 } as unknown as ObjectiveContext);
  const weights = objective.weights?.parameters() ?? new Map();
  for (const [name, { handle, size }] of weights) backend().write(handle, uniform(name, size, name.endsWith("bias") ? 0.1 : 0.3));
  scope(() => {
    const own = withGradient(activations(student, 1, 0, student.kind === "map" ? floats : "f32"));
    const side = Math.min(golden.student.side, golden.teacher.side);
    const theirs = noGrad(() => resizeGrid(gridOf(teacher, activations(teacher, 3, 1, "f32")), side));
    const inputs = { features: new Map([[student.name, own]]), teacher: new Map([[`${teacher.name}@${side}`, theirs]]) };
    const { loss, readings } = objective.compute({ ...inputs, logits: own, labels: own });
    expect(readings).toEqual([{ names: [...objective.parts], tensor: loss }]);
    expectClose(loss.toFloat32(), [golden.loss], tolerance);
    backward(loss);
    for (const [name, tensor] of new Map<string, Tensor>([["student", own], ...weights]))
      expectClose(sample(`d${name}`, tensor.grad!.toFloat32()).slice(0, 100), golden[`d${name}`]!, tolerance);
  });
  objective.weights?.release();
}

function stageOf(name: string, { kind, side, channels }: StageShape): GridStage {
  return kind === "map" ? { name, kind, side, channels } : { name, kind, side, prefix: 1, width: channels };
}

/** A network with one stage, and nothing else. */
function having(stage: GridStage) {
  return { model: { name: "network", featureStages: [stage], gridStage: () => stage } };
}

function activations(stage: GridStage, scale: number, offset: number, floats: "f32" | "bf16"): Tensor {
  const shape = stage.kind === "map" ? [N, stage.side, stage.side, stage.channels] : [N, 1 + stage.side ** 2, stage.width];
  const size = shape.reduce((product, extent) => product * extent, 1);
  return fromArray(uniform(stage.name, size, scale, offset), shape, floats);
}

import type { Stage } from "../../contract/families";
import type { TermOf } from "../../contract/objectives";
import type { Model } from "../../models/model";
import { Linear } from "../../nn/linear";
import { Module } from "../../nn/module";
import { Weight } from "../../nn/weight";
import { batchNorm } from "../../tensor/ops/batch-norm";
import { meanSquare } from "../../tensor/ops/mean-square";
import { sliceTokens } from "../../tensor/ops/slice-tokens";
import { backend, full, type Tensor } from "../../tensor/tensor";
import type { ChannelStatistics } from "../channel-statistics";
import { featureName } from "../teacher";
import type { Objective, ObjectiveContext } from "./objective";

type TokenStage = Extract<Stage, { kind: "tokens" }>;
type MapStage = Extract<Stage, { kind: "map" }>;

const EPS = 1e-6;

/**
 * Locality guidance (Li et al. 2022, "Locality Guidance for Improving Vision Transformers on Tiny Datasets"): the mean square of
 * W h[n,p] + b - f[n,p] over images, patches and channels. h are the student's patch tokens after a block, without norm and class token; f is the
 * teacher's map after a stage, each channel normalised by (f - mean) / (std + 1e-6) and averaged to the student's grid. W and b are trained with the
 * student, and dropped at the end.
 */
export function locality({ block, stage }: TermOf<"locality">, { student, teacher, statistics, seed }: ObjectiveContext): Objective {
  const tokens = student.model.stage(`block${block}`) as TokenStage;
  const from = guidingStage({ stage }, teacher.model);
  const map = teacher.model.stage(from) as MapStage;
  const need = { stage: from, side: tokens.side };
  const weights = new Guide(tokens.width, statistics?.get(from) ?? unknownStatistics(map.channels));
  weights.initialize(seed);

  return {
    needs: { studentFeatures: [tokens.name], teacherFeatures: [need] },
    parts: ["locality"],
    weights,
    compute({ features, teacher: answers }) {
      const h = sliceTokens(features.get(tokens.name)!, tokens.prefix, tokens.prefix + tokens.side ** 2);
      const target = weights.normalise(answers.get(featureName(need))!);
      const loss = meanSquare(weights.project.forward(h), target.reshape([...h.shape.slice(0, 2), map.channels]));
      return { loss, readings: [{ names: ["locality"], tensor: loss }] };
    },
  };
}

/** The teacher's stage whose map is predicted. */
export function guidingStage({ stage }: Pick<TermOf<"locality">, "stage">, teacher: Model): string {
  return stage ?? teacher.stages.at(-1)!.name;
}

/** Until a checkpoint overwrites them: with these the loss is no number, so that nothing is trained by mistake. */
function unknownStatistics(channels: number): ChannelStatistics {
  return { mean: new Float32Array(channels).fill(Number.NaN), std: new Float32Array(channels).fill(Number.NaN) };
}

/** The linear layer from tokens [N,G,D] to the teacher's channels, and the statistics by which these are normalised. */
class Guide extends Module {
  project: Linear;
  mean: Weight;
  /** (std + 1e-6)^2 */
  variance: Weight;

  constructor(width: number, { mean, std }: ChannelStatistics) {
    super();
    this.project = new Linear(width, mean.length);
    this.mean = Weight.buffer([mean.length], (y) => backend().write(y.handle, mean));
    this.variance = Weight.buffer([mean.length], (y) =>
      backend().write(
        y.handle,
        std.map((value) => (value + EPS) ** 2),
      ),
    );
  }

  /** f [N,S,S,C] -> (f - mean) / (std + 1e-6) */
  normalise(f: Tensor): Tensor {
    const channels = this.mean.shape;
    const state = { weight: full(channels, 1), bias: full(channels, 0), runningMean: this.mean, runningVar: this.variance };
    return batchNorm(f, state, { training: false, eps: 0 });
  }
}

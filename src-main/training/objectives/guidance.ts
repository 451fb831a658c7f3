import type { GridStage } from "../../contract/families";
import { channelsOf, gridAt } from "../../models/grid";
import { Linear } from "../../nn/linear";
import { Module } from "../../nn/module";
import { Weight } from "../../nn/weight";
import { batchNorm } from "../../tensor/ops/batch-norm";
import { meanSquare } from "../../tensor/ops/mean-square";
import { backend, full, type Tensor } from "../../tensor/tensor";
import type { ChannelStatistics } from "../channel-statistics";
import { featureName } from "../teacher";
import type { Objective, ObjectiveContext } from "./objective";

const EPS = 1e-6;

/** From a stage of the teacher to one of the student, on a grid of side x side. */
export interface Route {
  from: GridStage;
  to: GridStage;
  side: number;
}

/**
 * The mean square of W h[n,p] + b - f[n,p] over images, places and channels. h are the student's activations at a stage. f are the teacher's, each
 * channel normalised by (f - mean) / (std + 1e-6). Both are on the route's grid. W and b are trained with the student, and dropped at the end. The
 * loss is recorded under the name `part`.
 */
export function guidance(part: string, { from, to, side }: Route, { statistics, seed }: ObjectiveContext): Objective {
  const need = { stage: from.name, side };
  const weights = new Guide(channelsOf(to), statistics?.get(from.name) ?? unknownStatistics(channelsOf(from)));
  weights.initialize(seed);

  return {
    needs: { studentFeatures: [to.name], teacherFeatures: [need] },
    parts: [part],
    weights,
    compute({ features, teacher: answers }) {
      const predicted = weights.project.forward(gridAt(side, to, features.get(to.name)!), { dtype: "f32" });
      const loss = meanSquare(predicted, weights.normalise(answers.get(featureName(need))!));
      return { loss, readings: [{ names: [part], tensor: loss }] };
    },
  };
}

/** Until a checkpoint overwrites them: with these the loss is no number, so that nothing is trained by mistake. */
function unknownStatistics(channels: number): ChannelStatistics {
  return { mean: new Float32Array(channels).fill(Number.NaN), std: new Float32Array(channels).fill(Number.NaN) };
}

/** The linear layer from the student's channels to the teacher's, and the statistics by which these are normalised. */
class Guide extends Module {
  project: Linear;
  mean: Weight;
  /** (std + 1e-6)^2 */
  variance: Weight;

  constructor(channels: number, { mean, std }: ChannelStatistics) {
    super();
    this.project = new Linear(channels, mean.length);
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

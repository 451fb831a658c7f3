import type { TermOf } from "../../contract/objectives";
import { distillationLoss } from "../../tensor/ops/distillation-loss";
import { layerNorm } from "../../tensor/ops/layer-norm";
import { full, type Tensor } from "../../tensor/tensor";
import type { Objective } from "./objective";

/**
 * Soft labels on standardized logits (Sun et al. 2024, "Logit Standardization in Knowledge Distillation"): in both networks each row becomes
 * (z - mean) / std, with the unbiased deviation, before T^2 KL. A student then need not match the size of the teacher's logits.
 */
export function standardizedSoft({ temperature }: TermOf<"standardized-soft">): Objective {
  return {
    needs: { teacherLogits: true },
    parts: ["standardized_kd"],
    compute({ logits, labels, teacher }) {
      const soft = { teacher: standardized(teacher.get("logits")!), temperature, alpha: 1 };
      const { loss } = distillationLoss(standardized(logits), { labels, soft });
      return { loss, readings: [{ names: ["standardized_kd"], tensor: loss }] };
    },
  };
}

/** Stands for the 1e-7 that the published code adds to the deviation; small beside the variance of any logits. */
const EPS = 1e-14;

/** Rows of z [N,K] with mean 0 and unbiased deviation 1. Layer norm divides by the biased one, which is sqrt((K - 1) / K) times that. */
function standardized(z: Tensor): Tensor {
  const K = z.shape.at(-1)!;
  return layerNorm(z, full([K], Math.sqrt((K - 1) / K)), full([K], 0), EPS, "f32");
}

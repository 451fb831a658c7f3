import type { TermOf } from "../../contract/objectives";
import { add } from "../../tensor/ops/add";
import { distillationLoss } from "../../tensor/ops/distillation-loss";
import { linear } from "../../tensor/ops/linear";
import { logSumExp } from "../../tensor/ops/log-sum-exp";
import { multiply } from "../../tensor/ops/multiply";
import { oneHot } from "../../tensor/ops/one-hot";
import { scale } from "../../tensor/ops/scale";
import { sumRows } from "../../tensor/ops/sum-rows";
import { full, type Tensor } from "../../tensor/tensor";
import type { Objective } from "./objective";

/** Subtracted from the true class's logit after division by T, so that its share of a softmax becomes 0, as in the published code. */
const MASKED = 1000;

/**
 * Decoupled knowledge distillation, alpha TCKD + beta NCKD (Zhao et al. 2022, equation 7): T^2 KL of the true class against all others
 * together, and T^2 KL among the others alone, means over the batch. The published code raises the weight over the first 20 epochs; here it
 * is the same throughout.
 */
export function dkd({ temperature, alpha, beta }: TermOf<"dkd">): Objective {
  return {
    needs: { teacherLogits: true },
    parts: ["tckd", "nckd"],
    compute({ logits, labels, teacher: answers }) {
      const teacher = answers.get("logits")!;
      const label = oneHot(labels, logits.shape[1]!);
      const mask = scale(label, -MASKED * temperature);
      const divergence = (student: Tensor, teacher: Tensor, labels: Tensor) =>
        distillationLoss(student, { labels, soft: { teacher, temperature, alpha: 1 } }).loss;
      const tckd = divergence(binary(logits, label, mask, temperature), binary(teacher, label, mask, temperature), full(labels.shape, 0, "i32"));
      const nckd = divergence(add(logits, mask), add(teacher, mask), labels);
      const loss = add(scale(tckd, alpha), scale(nckd, beta));
      const readings = [
        { names: ["tckd"], tensor: tckd },
        { names: ["nckd"], tensor: nckd },
      ];
      return { loss, readings };
    },
  };
}

/**
 * Two logits [N,2] whose softmax at temperature T is the true class's probability and that of all others together: the difference
 * z_y - T log(sum over the others of exp(z_k / T)), and 0.
 */
function binary(logits: Tensor, label: Tensor, mask: Tensor, temperature: number): Tensor {
  const own = sumRows(multiply(logits, label));
  const others = scale(logSumExp(scale(add(logits, mask), 1 / temperature)), -temperature);
  const andZero = oneHot(full([1], 0, "i32"), 2).reshape([2, 1]);
  return linear(add(own, others), andZero);
}

import type { TermOf } from "../../contract/objectives";
import { distillationLoss } from "../../tensor/ops/distillation-loss";
import { scale } from "../../tensor/ops/scale";
import type { Objective } from "./objective";

/** T^2 KL(softmax(teacher/T) || softmax(student/T)), mean over the batch (Hinton, Vinyals and Dean 2015). With the labels it is one op. */
export function soft({ temperature }: TermOf<"soft">): Objective {
  return {
    needs: { teacherLogits: true },
    parts: ["kd"],
    compute({ logits, labels, teacher }) {
      const { loss } = distillationLoss(logits, { labels, soft: { teacher: teacher.get("logits")!, temperature, alpha: 1 } });
      return { loss, readings: [{ names: ["kd"], tensor: loss }] };
    },
    withLabels({ logits, labels, labelWeights, teacher }, weights) {
      const total = weights.labels + weights.own;
      const soft = { teacher: teacher.get("logits")!, temperature, alpha: weights.own / total };
      const { loss, metrics } = distillationLoss(logits, { labels, labelWeights, soft });
      return { loss: total === 1 ? loss : scale(loss, total), readings: [{ names: ["ce", "kd", "correct"], tensor: metrics }] };
    },
  };
}

import { argmax } from "../../tensor/ops/argmax";
import { distillationLoss } from "../../tensor/ops/distillation-loss";
import type { Objective } from "./objective";

/** Cross-entropy with the class of the teacher's largest logit, the first among equals (Touvron et al. 2021, "hard-label distillation"). */
export function hard(): Objective {
  return {
    needs: { teacherLogits: true },
    parts: ["hard"],
    compute({ logits, teacher }) {
      const { loss } = distillationLoss(logits, { labels: argmax(teacher.get("logits")!) });
      return { loss, readings: [{ names: ["hard"], tensor: loss }] };
    },
  };
}

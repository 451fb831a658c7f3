import type { TermOf } from "../../contract/objectives";
import { hard } from "./hard";
import type { Objective } from "./objective";
import { soft } from "./soft";

/**
 * Distillation through a token (Touvron et al. 2021): the head of the student's distillation token learns from the teacher, its labels or its
 * probabilities. Soft targets are averaged over the batch, as everywhere here; DeiT's code also divides them by the number of classes.
 */
export function token({ targets, temperature }: TermOf<"token">): Objective {
  const taught = targets === "hard" ? hard() : soft({ kind: "soft", weight: 1, temperature });
  return {
    needs: { teacherLogits: true, studentFeatures: ["head_dist"], splitsHeads: true },
    parts: ["token"],
    compute(inputs) {
      const { loss } = taught.compute({ ...inputs, logits: inputs.features.get("head_dist")! });
      return { loss, readings: [{ names: ["token"], tensor: loss }] };
    },
  };
}

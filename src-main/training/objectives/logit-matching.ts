import { meanSquare } from "../../tensor/ops/mean-square";
import type { Objective } from "./objective";

/** The mean of (student - teacher)^2 over images and classes, of the logits (Ba and Caruana 2014, "Do Deep Nets Really Need to be Deep?"). */
export function logitMatching(): Objective {
  return {
    needs: { teacherLogits: true },
    parts: ["logit_mse"],
    compute({ logits, teacher }) {
      const loss = meanSquare(logits, teacher.get("logits")!);
      return { loss, readings: [{ names: ["logit_mse"], tensor: loss }] };
    },
  };
}

import type { TermOf } from "../../contract/objectives";
import { gridAt } from "../../models/grid";
import { energyMap } from "../../tensor/ops/energy-map";
import { meanSquare } from "../../tensor/ops/mean-square";
import type { Tensor } from "../../tensor/tensor";
import { featureName } from "../teacher";
import type { Objective, ObjectiveContext } from "./objective";
import { stageOrMiddle } from "./stages";

/**
 * Attention transfer (Zagoruyko and Komodakis 2017, "Paying More Attention to Attention", equation 2 with p = 2, as their code computes it): the
 * mean square, over images and places, of the difference between the two networks' maps of where activations are large. Of patch tokens, the
 * squares are summed over their width.
 */
export function attentionTransfer({ studentStage, teacherStage }: TermOf<"attention-transfer">, { student, teacher }: ObjectiveContext): Objective {
  const [own, theirs] = [stageOrMiddle(studentStage, student.model), stageOrMiddle(teacherStage, teacher.model)];
  const need = { stage: theirs.name, side: Math.min(own.side, theirs.side) };

  return {
    needs: { studentFeatures: [own.name], teacherFeatures: [need] },
    parts: ["attention_transfer"],
    compute({ features, teacher: answers }) {
      const loss = meanSquare(energyOf(gridAt(need.side, own, features.get(own.name)!)), energyOf(answers.get(featureName(need))!));
      return { loss, readings: [{ names: ["attention_transfer"], tensor: loss }] };
    },
  };
}

/** grid [N,S,S,C] -> [N,S*S] */
function energyOf(grid: Tensor): Tensor {
  const [N, S, , C] = grid.shape as [number, number, number, number];
  return energyMap(grid.reshape([N, S * S, C]));
}

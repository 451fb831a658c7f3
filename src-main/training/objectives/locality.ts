import type { TermOf } from "../../contract/objectives";
import type { Model } from "../../models/model";
import { guidance } from "./guidance";
import type { Objective, ObjectiveContext } from "./objective";

/**
 * Locality guidance (Li et al. 2022, "Locality Guidance for Improving Vision Transformers on Tiny Datasets"): guidance of the student's patch
 * tokens after a block, without norm and class token, by the teacher's map after a stage, averaged to the student's grid.
 */
export function locality({ block, stage }: TermOf<"locality">, context: ObjectiveContext): Objective {
  const to = context.student.model.gridStage(`block${block}`);
  const from = context.teacher.model.gridStage(guidingStage({ stage }, context.teacher.model));
  return guidance("locality", { from, to, side: to.side }, context);
}

/** The teacher's stage whose map is predicted. */
export function guidingStage({ stage }: Pick<TermOf<"locality">, "stage">, teacher: Model): string {
  return stage ?? teacher.featureStages.at(-1)!.name;
}

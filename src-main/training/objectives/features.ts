import type { TermOf } from "../../contract/objectives";
import type { Model } from "../../models/model";
import { guidance } from "./guidance";
import type { Objective, ObjectiveContext } from "./objective";
import { stageOrMiddle } from "./stages";

/**
 * Feature guidance after FitNets (Romero et al. 2015): of any stage of the student by any of the teacher's, on the coarser of their grids, to which
 * the finer one is averaged. FitNets' hints are the teacher's values themselves; here each channel is normalised, so that a weight means the same
 * with any teacher.
 */
export function features({ studentStage, teacherStage }: TermOf<"features">, context: ObjectiveContext): Objective {
  const to = stageOrMiddle(studentStage, context.student.model);
  const from = stageOrMiddle(teacherStage, context.teacher.model);
  return guidance("features", { from, to, side: Math.min(from.side, to.side) }, context);
}

/** The teacher's stage that is predicted. */
export function hintedStage({ teacherStage }: Pick<TermOf<"features">, "teacherStage">, teacher: Model): string {
  return stageOrMiddle(teacherStage, teacher).name;
}

import type { GridStage } from "../../contract/families";
import { hasGrid } from "../../contract/families";
import type { Model } from "../../models/model";

/** The stage of that name; null: the one in the middle, as for hint and guided layer of FitNets. */
export function stageOrMiddle(name: string | null, model: Model): GridStage {
  if (name !== null) return model.gridStage(name);
  const stages = model.featureStages.filter(hasGrid);
  return stages[Math.floor(stages.length / 2)]!;
}

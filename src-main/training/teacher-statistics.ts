import type { ResolvedRecipe } from "../contract/recipe";
import { usesUnlabelled } from "../contract/recipe-values";
import type { Dataset } from "../data/dataset";
import { type MeasuringOptions, measureChannels } from "./channel-statistics";
import type { Network } from "./network";
import type { TeacherStatistics } from "./objectives/objective";
import { measuredStages } from "./objectives/table";

/** Training images from which the channels of a teacher's stage are measured. */
const IMAGES = 1000;

export interface TeacherStatisticsOptions extends Pick<MeasuringOptions, "yieldPoint"> {
  /** Called before the first batch, with the number of images; not at all if nothing needs to be measured. */
  onStart?(images: number): void;
}

/** Measures what the objectives of a recipe need to know of its teacher, on images that its student is shown. */
export async function measureTeacher(
  teacher: Network,
  { train, labelled }: Pick<Dataset, "train" | "labelled">,
  recipe: ResolvedRecipe,
  { yieldPoint, onStart }: TeacherStatisticsOptions,
): Promise<TeacherStatistics> {
  const stages = measuredStages(recipe.distillation?.terms ?? [], teacher.model);
  const images = Math.min(IMAGES, usesUnlabelled(recipe) ? train.count : labelled);
  if (stages.length > 0) onStart?.(images);
  const statistics = new Map();
  for (const stage of stages) statistics.set(stage, await measureChannels(teacher, train, stage, { images, precision: recipe.train.precision, yieldPoint }));
  return statistics;
}

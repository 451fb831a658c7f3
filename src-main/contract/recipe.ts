/** A run's full description, as types derived from the tables. `parse-recipe.ts` checks and completes a file. */
import type { Term } from "./objectives";
import type { ValueOf } from "./setting";
import type { settings } from "./settings";

type Table = typeof settings;
/** The values of one section: the keys that begin with its name. */
type Section<Name extends string> = { -readonly [Key in keyof Table as Key extends `${Name}.${infer Setting}` ? Setting : never]: ValueOf<Table[Key]> };

export interface Recipe {
  version: 1;
  name: string;
  data: DataSource;
  /** Source of the student's targets besides the labels; null: only controls can be trained. */
  teacher: TeacherChoice | null;
  student: StudentChoice;
  train: TrainSettings;
  /** null: the labels alone (a control). */
  distillation: Distillation | null;
  /** What the control of a comparison does differently; initial weights, batches and augmentation are always shared. */
  control: { train: Partial<TrainSettings> } | null;
  augment: Augment;
  device: ValueOf<Table["device"]>;
}

export interface DataSource extends Section<"data"> {}
export interface TeacherChoice extends Section<"teacher"> {
  /** More teachers: the student learns from the weighted mean of all logits. Left out where there are none. */
  others?: OtherTeacher[];
}
export interface OtherTeacher extends Section<"teacher"> {
  /** The first teacher's is 1. */
  weight: number;
}
export interface StudentChoice extends Section<"student"> {}
export interface TrainSettings extends Section<"train"> {}
export interface Augment extends Section<"augment"> {}
/** A weighted sum: `labels` is the weight of the cross-entropy with the labels. */
export interface Distillation extends Section<"distillation"> {
  terms: Term[];
}

/** bf16: activations and the operands of matrix products are rounded to 16 bits; sums, weights and the optimizer's state stay in 32 bits. */
export type Precision = Exclude<TrainSettings["precision"], "auto">;

/** A recipe whose arithmetic is decided, as `resolveArithmetic` does when a run starts: what is trained, and what a run records. */
export interface ResolvedRecipe extends Recipe {
  train: TrainSettings & { precision: Precision };
}

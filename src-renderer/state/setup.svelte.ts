import type { DoctorReport } from "../../src-main/contract/engine";
import { imageSizeOf, type ModelInfo, patchSizeOf } from "../../src-main/contract/families";
import { applySettings, checkSetting, parseRecipe, RecipeError, valueAt } from "../../src-main/contract/parse-recipe";
import { type Preset, presets } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";
import { type SettingValue, valueFromText } from "../../src-main/contract/setting";
import { type SettingKey, settingAt } from "../../src-main/contract/settings";
import type { Data } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";

/** A key of the form: one of the recipe, or the control's own learning rate. */
export type FieldKey = SettingKey | "control.train.learningRate";

/** The recipe that the form makes. Fields hold text as typed; a text that is no value of its setting stays in its field, with the reason. */
export class Setup {
  preset: Preset["id"] | null = $state("demo");
  models: ModelInfo[] = $state.raw([]);
  /** Null until the engine has told it. */
  computer: DoctorReport | null = $state.raw(null);
  modelsProblem: string | null = $state(null);
  #base: Recipe = $state.raw(presets[0]!.recipe);
  #texts: Partial<Record<FieldKey, string>> = $state({});

  constructor(
    private readonly data: Data,
    private readonly engine: Engine,
  ) {}

  async loadModels(): Promise<void> {
    try {
      this.models = await this.engine.call("models", {});
      this.computer = await this.engine.call("doctor", {});
    } catch (error) {
      this.modelsProblem = inWords(error);
    }
  }

  usePreset(id: Preset["id"]): void {
    this.preset = id;
    this.#base = presets.find((preset) => preset.id === id)!.recipe;
    this.#texts = {};
  }

  /** What a field shows. */
  text(key: FieldKey): string {
    const value = this.value(key);
    return this.#texts[key] ?? (value === null || value === undefined ? "" : String(value));
  }

  value(key: FieldKey): SettingValue | undefined {
    if (key === "control.train.learningRate") return this.#base.control?.train.learningRate ?? this.#base.train.learningRate;
    return valueAt(this.#base, key);
  }

  /** Takes what was typed or picked; an empty field means null where null is allowed. */
  set(key: FieldKey, text: string): void {
    this.#texts[key] = text;
    if (this.problemOf(key)) return;
    this.preset = null;
    const setting = settingAt(key)!;
    this.#assign(key, setting.nullable && text === "" ? "null" : text);
    delete this.#texts[key];
  }

  /** Why a field's text cannot be used, in words; null if it can. */
  problemOf(key: FieldKey): string | null {
    const text = this.#texts[key];
    if (text === undefined) return null;
    const setting = settingAt(key)!;
    const value = setting.nullable && text === "" ? null : valueFromText(setting, text);
    return checkSetting(key.replace(/^control\./, "") as SettingKey, value);
  }

  /** Whether a field has an effect beside what the others say. */
  applies(key: FieldKey): boolean {
    return /^(teacher|distillation)\./.test(key) ? this.distils : (settingAt(key)?.applies?.to((other) => valueAt(this.#base, other)) ?? true);
  }

  get distils(): boolean {
    return this.#base.distillation !== null;
  }

  /** With a teacher, control and student are compared; without, one model is trained on the labels alone. */
  setDistils(wanted: boolean): void {
    const { teacher, distillation, control } = presets[0]!.recipe;
    this.preset = null;
    this.#base = wanted ? { ...this.#base, teacher, distillation, control } : { ...this.#base, teacher: null, distillation: null, control: null };
  }

  /** The recipe on the chosen data, or what keeps it from being one. */
  get result(): { recipe: Recipe; problems: [] } | { recipe: null; problems: string[] } {
    const typed = Object.keys(this.#texts).flatMap((key) => {
      const problem = this.problemOf(key as FieldKey);
      return problem ? [`${settingAt(key)!.label}: ${problem}`] : [];
    });
    if (typed.length > 0) return { recipe: null, problems: typed };
    try {
      return { recipe: parseRecipe({ ...this.#base, data: { ...this.#base.data, path: this.data.path } }), problems: [] };
    } catch (error) {
      if (error instanceof RecipeError) return { recipe: null, problems: error.problems };
      throw error;
    }
  }

  /** A new model brings its own sizes along. */
  #assign(key: FieldKey, text: string): void {
    const assignments = [`${key}=${text}`];
    if (key === "student.model") assignments.push(`student.imageSize=${imageSizeOf(text)}`, "student.patchSize=null");
    if (key === "teacher.model") assignments.push(`teacher.imageSize=${imageSizeOf(text)}`);
    this.#base = applySettings(this.#base, assignments) as Recipe;
  }
}

/** What is known to make a recipe slow or to spoil what it shows, in words. */
export function cautionsFor({ student, teacher, train }: Recipe, trainImages: number): string[] {
  const cautions: string[] = [];
  const patch = student.patchSize ?? patchSizeOf(student.model);
  if (student.imageSize >= 128)
    cautions.push(
      `At ${student.imageSize} px one image costs many times what it does at 32 px: on a processor this run can take hours. The preset Demo shows the same in minutes.`,
    );
  else if (patch !== null && (student.imageSize / patch) ** 2 > 256) cautions.push("Patches this small make long sequences, and each step slow.");
  if (teacher && teacher.imageSize !== imageSizeOf(teacher.model))
    cautions.push(`${teacher.model} was made for ${imageSizeOf(teacher.model)} px; at ${teacher.imageSize} px its soft labels are hardly worth learning from.`);
  if (trainImages > 0 && trainImages < train.batchSize * 4) cautions.push("There are only a few batches per epoch; the curves will say little.");
  return cautions;
}

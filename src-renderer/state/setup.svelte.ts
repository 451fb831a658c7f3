import { applySettings } from "../../src-main/contract/apply-settings";
import { checkSetting } from "../../src-main/contract/check-recipe";
import type { DoctorReport } from "../../src-main/contract/engine";
import { imageSizeOf, type ModelInfo, patchSizeOf } from "../../src-main/contract/families";
import { isObjectiveKind, objectiveKinds, type Term } from "../../src-main/contract/objectives";
import { parseRecipe, RecipeError } from "../../src-main/contract/parse-recipe";
import { type Preset, presetOf } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";
import { valueAt } from "../../src-main/contract/recipe-values";
import { type Setting, type SettingValue, textOfValue, valueFromText } from "../../src-main/contract/setting";
import { settingAt } from "../../src-main/contract/settings";
import type { Data } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import { newTerm, rounded } from "./form";

/**
 * The recipe that the form makes. Fields have the keys of the recipe's settings, "distillation.terms.0.weight" among them, and hold text
 * as typed; a text that is no value of its setting stays in its field, with the reason.
 */
export class Setup {
  preset: Preset["id"] | null = $state("demo");
  models: ModelInfo[] = $state.raw([]);
  /** Null until the engine has reported it. */
  computer: DoctorReport | null = $state.raw(null);
  modelsProblem: string | null = $state(null);
  #base: Recipe = $state.raw(presetOf("demo").recipe);
  #texts: Record<string, string> = $state({});

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
    this.#base = presetOf(id).recipe;
    this.#texts = {};
  }

  /** The row of a field. */
  setting(key: string): Setting {
    return settingAt(key, this.#base)!;
  }

  /** What a field shows. */
  text(key: string): string {
    const value = this.value(key);
    return this.#texts[key] ?? (value === null || value === undefined ? "" : textOfValue(typeof value === "number" ? rounded(value) : value));
  }

  value(key: string): SettingValue | undefined {
    return valueAt(this.#base, key) ?? (key.startsWith("control.") ? valueAt(this.#base, key.slice("control.".length)) : undefined);
  }

  /** Takes what was typed or picked; an empty field means null where null is allowed. */
  set(key: string, text: string): void {
    this.#texts[key] = text;
    if (this.problemOf(key)) return;
    this.preset = null;
    this.#assign(key, this.setting(key).nullable && text === "" ? "null" : text);
    delete this.#texts[key];
  }

  /** Why a field's text cannot be used, in words; null if it can. */
  problemOf(key: string): string | null {
    const text = this.#texts[key];
    if (text === undefined) return null;
    const setting = this.setting(key);
    const value = setting.nullable && text === "" ? null : valueFromText(setting, text);
    return checkSetting(key, value, this.#base)?.replace(" or null,", " or an empty field,") ?? null;
  }

  /** Whether a field has an effect: its section is there, and the other fields do not rule it out. */
  applies(key: string): boolean {
    const { applies } = this.setting(key);
    return valueAt(this.#base, key) !== undefined && (applies?.to((other) => valueAt(this.#base, other)) ?? true);
  }

  get distills(): boolean {
    return this.#base.distillation !== null;
  }

  /** What the student learns from besides the labels. */
  get terms(): readonly Term[] {
    return this.#base.distillation?.terms ?? [];
  }

  /** Of the first kind that has no term yet. */
  addTerm(): void {
    const kind = objectiveKinds.find((candidate) => this.terms.every((term) => term.kind !== candidate)) ?? objectiveKinds[0]!;
    this.#setTerms([...this.terms, newTerm(kind)]);
  }

  removeTerm(index: number): void {
    this.#forgetTexts("distillation.terms.");
    this.#setTerms(this.terms.filter((_, other) => other !== index));
  }

  /** With a teacher, control and student are compared; without, one model is trained on the labels alone. */
  setDistills(wanted: boolean): void {
    const { teacher, distillation, control } = presetOf("demo").recipe;
    this.preset = null;
    for (const section of ["teacher.", "distillation.", "control."]) this.#forgetTexts(section);
    this.#base = wanted ? { ...this.#base, teacher, distillation, control } : { ...this.#base, teacher: null, distillation: null, control: null };
  }

  /** The recipe on the chosen data, or what keeps it from being one. */
  get result(): { recipe: Recipe; problems: [] } | { recipe: null; problems: string[] } {
    const typed = Object.keys(this.#texts).flatMap((key) => {
      const problem = this.problemOf(key);
      return problem ? [`${this.setting(key).label}: ${problem}`] : [];
    });
    if (typed.length > 0) return { recipe: null, problems: typed };
    try {
      return { recipe: parseRecipe({ ...this.#base, data: { ...this.#base.data, path: this.data.path } }), problems: [] };
    } catch (error) {
      if (error instanceof RecipeError) return { recipe: null, problems: error.problems };
      throw error;
    }
  }

  /** A new model brings its own sizes along, a new kind of objective its own settings. */
  #assign(key: string, text: string): void {
    const kindOf = /^distillation\.terms\.(\d+)\.kind$/.exec(key)?.[1];
    if (kindOf !== undefined && isObjectiveKind(text)) {
      this.#forgetTexts(`distillation.terms.${kindOf}.`);
      this.#setTerms(this.terms.map((term, index) => (index === Number(kindOf) && term.kind !== text ? newTerm(text) : term)));
      return;
    }
    const assignments = [`${key}=${text}`];
    if (key === "student.model") assignments.push(`student.imageSize=${imageSizeOf(text)}`, "student.patchSize=null");
    if (key === "teacher.model") assignments.push(`teacher.imageSize=${imageSizeOf(text)}`);
    this.#base = applySettings(this.#base, assignments) as Recipe;
  }

  #setTerms(terms: Term[]): void {
    const { distillation } = this.#base;
    if (!distillation) return;
    this.preset = null;
    this.#base = { ...this.#base, distillation: { ...distillation, terms } };
  }

  #forgetTexts(beginning: string): void {
    for (const key of Object.keys(this.#texts)) if (key.startsWith(beginning)) delete this.#texts[key];
  }
}

/** What is known to make a recipe slow or to spoil what it shows, in words. */
export function cautionsFor({ student, teacher, train }: Recipe, trainImages: number): string[] {
  const cautions: string[] = [];
  const patch = student.patchSize ?? patchSizeOf(student.model);
  if (student.imageSize >= 128)
    cautions.push(
      `An image of ${student.imageSize} px costs many times as much as one of 32 px: on a processor this run can take hours. The Demo preset shows the same in minutes.`,
    );
  else if (patch !== null && (student.imageSize / patch) ** 2 > 256) cautions.push("Patches this small make long sequences, so each step is slow.");
  if (teacher && teacher.imageSize !== imageSizeOf(teacher.model))
    cautions.push(`${teacher.model} was made for ${imageSizeOf(teacher.model)} px; at ${teacher.imageSize} px its answers are hardly worth learning from.`);
  if (trainImages > 0 && trainImages < train.batchSize * 4) cautions.push("An epoch has fewer than four batches, so the curves will show little.");
  return cautions;
}

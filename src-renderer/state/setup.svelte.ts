import type { Remedy } from "../../src-main/contract/concerns";
import type { DoctorReport } from "../../src-main/contract/doctor";
import { type DataSettings, dataSettingsOf } from "../../src-main/contract/engine";
import { type ModelInfo, modelGroups } from "../../src-main/contract/families";
import { firstComparison } from "../../src-main/contract/first-comparison";
import type { FittedTeacher, NamedTeacher } from "../../src-main/contract/fitted-teacher";
import type { RememberedForm } from "../../src-main/contract/host";
import { objectiveKinds, type Term } from "../../src-main/contract/objectives";
import { parseRecipe, RecipeError } from "../../src-main/contract/parse-recipe";
import { fittedWeightsIn, type Preset, presetOf, presets, SAME_LABELS_TEACHER } from "../../src-main/contract/presets";
import type { DataSource, Distillation, OtherTeacher, Recipe, TeacherChoice } from "../../src-main/contract/recipe";
import { teachersOf, valueAt } from "../../src-main/contract/recipe-values";
import { type Setting, type SettingValue, textOfValue } from "../../src-main/contract/setting";
import { settingAt } from "../../src-main/contract/settings";
import type { Data } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import { contradictionIn, type FieldProblem, typingProblem } from "./field-problems";
import { assigned, labelOf, newTeacher, newTerm, rounded, withOtherTeachers, withTerms } from "./form";
import { Precision } from "./precision";
import { Sweep } from "./sweep.svelte";
import { TeacherCheck, type Teaching } from "./teacher-check.svelte";
import { count } from "./words";

type MadeTeacher = Pick<FittedTeacher, "teacher" | "images">;

type Result = { recipe: Recipe; problems: [] } | { recipe: null; problems: string[] };
/** The recipe that all values together make, or what speaks against it. */
type Checked = { recipe: Recipe; contradictions: [] } | { recipe: null; contradictions: FieldProblem[] };

/**
 * The recipe that the form makes. Fields have the keys of the recipe's settings, "distillation.terms.0.weight" among them, and hold text
 * as typed; a text that is no value of its setting stays in its field, with the reason.
 */
export class Setup {
  preset: Preset["id"] | null = $state("demo");
  readonly sweep = new Sweep(() => this.distills);
  readonly precision = new Precision(
    () => this.#base,
    () => this.computer,
  );
  readonly teacherCheck: TeacherCheck;
  /** Whether the settings that few need are unfolded. */
  showsMore = $state(false);
  models: ModelInfo[] = $state.raw([]);
  /** The models to choose from, by family. */
  readonly modelGroups = modelGroups;
  /** Null until the engine has reported it. */
  computer: DoctorReport | null = $state.raw(null);
  modelsProblem: string | null = $state(null);
  #base: Recipe = $state.raw(presetOf("demo").recipe);
  #texts: Record<string, string> = $state({});
  #before: Recipe | null = null;
  #first: Recipe | null = $state.raw(null);
  /** The limit that makes uneven classes even, where that was asked for. */
  #evenLimit: number | null = null;

  constructor(
    private readonly data: Data,
    private readonly engine: Engine,
    private readonly runsDirectory: () => string = () => "runs",
  ) {
    this.teacherCheck = new TeacherCheck(engine, () => this.#teaching);
  }

  async loadModels(): Promise<void> {
    try {
      this.models = await this.engine.call("models", {});
      this.computer = await this.engine.call("doctor", {});
    } catch (error) {
      this.modelsProblem = inWords(error);
    }
  }

  /** What brings the form back to what it is now. */
  undoing(): () => void {
    const [preset, base, texts] = [this.preset, this.#base, { ...this.#texts }];
    return () => {
      this.preset = preset;
      this.#base = base;
      this.#texts = texts;
    };
  }

  usePreset(id: Preset["id"]): void {
    this.preset = id;
    const { recipe } = presetOf(id);
    const { teacher } = recipe;
    const made =
      teacher?.weights === fittedWeightsIn(SAME_LABELS_TEACHER) ? { ...recipe, teacher: { ...teacher, weights: fittedWeightsIn(this.#presetFolder) } } : recipe;
    // What was chosen of the images concerns the data, whatever the preset.
    const { trainLimit, ...chosen } = this.dataSettings;
    const limit = this.#evenLimit !== null && trainLimit === this.#evenLimit ? { trainLimit } : {};
    this.#base = { ...made, data: { ...made.data, ...chosen, ...limit } };
    this.#texts = {};
  }

  /** The folder in which the preset expects its teacher, to be made first; null where it expects none. */
  get teacherFolder(): string | null {
    return this.preset === "same-labels" ? this.#presetFolder : null;
  }

  get #presetFolder(): string {
    return SAME_LABELS_TEACHER.replace(/^runs/, this.runsDirectory());
  }

  /** The row of a field. */
  setting(key: string): Setting {
    return settingAt(key, this.#base)!;
  }

  label(key: string): string {
    return labelOf(key, this.#base);
  }

  /** What a choice offers. An automatic precision says which it is on this computer. */
  choices(key: string): readonly { value: string; label: string }[] {
    const setting = this.setting(key);
    if (setting.kind !== "choice") return [];
    const { choices } = setting;
    const precision = isPrecision(key) && this.precision.chosen?.precision;
    if (!precision) return choices;
    const { label: taken } = choices.find(({ value }) => value === precision)!;
    return choices.map(({ value, label }) => ({ value, label: value === "auto" ? `${label} (${taken} here)` : label }));
  }

  /** What a field is for, and why an automatic precision is what it is here. */
  help(key: string): string {
    const { help } = this.setting(key);
    const { chosen } = this.precision;
    return isPrecision(key) && chosen ? `${help} Here: ${chosen.reason}.` : help;
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
    if (this.#typingProblem(key)) return;
    this.preset = null;
    this.#assign(key, this.setting(key).nullable && text === "" ? "null" : text);
    delete this.#texts[key];
  }

  /** Why a field's text cannot be used, or why its value does not go with the others, in words; null if all is well. */
  problemOf(key: string): string | null {
    return this.#typingProblem(key) ?? this.#checked.contradictions.find((contradiction) => contradiction.key === key)?.words ?? null;
  }

  #typingProblem(key: string): string | null {
    const text = this.#texts[key];
    if (text === undefined) return null;
    return typingProblem(this.setting(key), text);
  }

  /** That a limit is above what there is, in words; null if it is not. */
  noteOf(key: string): string | null {
    const { info } = this.data;
    const there = key === "data.trainLimit" ? info?.train.count : key === "data.testLimit" ? info?.test.count : undefined;
    const limit = this.value(key);
    if (there === undefined || typeof limit !== "number" || limit <= there) return null;
    return `There ${there === 1 ? "is only 1: it is" : `are only ${count(there)}: all are`} taken.`;
  }

  /** Whether a field has an effect: its section is there, and the other fields do not rule it out. */
  applies(key: string): boolean {
    const { applies } = this.setting(key);
    return valueAt(this.#base, key) !== undefined && (applies?.to((other) => valueAt(this.#base, other)) ?? true);
  }

  get distills(): boolean {
    return this.#base.distillation !== null;
  }

  get teacher(): TeacherChoice | null {
    return this.#base.teacher;
  }

  get distillation(): Distillation | null {
    return this.#base.distillation;
  }

  /** What the student learns from besides the labels. */
  get terms(): readonly Term[] {
    return this.#base.distillation?.terms ?? [];
  }

  /** Left out: of the first kind that has no term yet. */
  addTerm(kind: Term["kind"] = objectiveKinds.find((candidate) => this.terms.every((term) => term.kind !== candidate)) ?? objectiveKinds[0]!): void {
    this.#rebuild(withTerms(this.#base, [...this.terms, newTerm(kind)]));
  }

  removeTerm(index: number): void {
    this.#forgetTexts("distillation.terms.");
    this.#rebuild(
      withTerms(
        this.#base,
        this.terms.filter((_, other) => other !== index),
      ),
    );
  }

  /** The teachers besides the first. */
  get otherTeachers(): readonly OtherTeacher[] {
    return this.#base.teacher?.others ?? [];
  }

  /** One whose weights come with the program and that is none yet, if there is such a one. */
  addTeacher(): void {
    const known = teachersOf(this.#base).map(({ model }) => model);
    const bundled = (this.computer?.bundled.teachers ?? []).filter(({ weights }) => weights !== null).map(({ model }) => model);
    const model = bundled.find((candidate) => !known.includes(candidate)) ?? known[0];
    if (model) this.#rebuild(withOtherTeachers(this.#base, [...this.otherTeachers, newTeacher(model)]));
  }

  removeTeacher(index: number): void {
    this.#forgetTexts("teacher.others.");
    this.#rebuild(
      withOtherTeachers(
        this.#base,
        this.otherTeachers.filter((_, other) => other !== index),
      ),
    );
  }

  /** With a teacher, control and student are compared; without, one model is trained on the labels alone. */
  setDistills(wanted: boolean): void {
    const { teacher, distillation, control } = presetOf("demo").recipe;
    this.preset = null;
    for (const section of ["teacher.", "distillation.", "control."]) this.#forgetTexts(section);
    this.#base = wanted ? { ...this.#base, teacher, distillation, control } : { ...this.#base, teacher: null, distillation: null, control: null };
  }

  /** Which images of the data are taken. */
  get dataSettings(): DataSettings {
    return dataSettingsOf(this.#base.data);
  }

  /** Takes what settles a concern of the data, or what undoes that. The preset is left as it is: these settings follow the data. */
  settle({ settings }: Remedy): void {
    const { trainLimit } = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key.replace(/^data\./, ""), value]));
    if (trainLimit !== undefined) this.#evenLimit = trainLimit as number | null;
    for (const [key, value] of Object.entries(settings)) {
      delete this.#texts[key];
      this.#assign(key, textOfValue(value));
    }
  }

  /** All images of the data are taken again. A limit that a person has set stays. */
  forgetDataSettings(): void {
    const names = Object.keys(this.dataSettings).filter(
      (name) => name !== "trainLimit" || (this.#evenLimit !== null && this.#base.data.trainLimit === this.#evenLimit),
    );
    const keys = names.map((name) => `data.${name}`);
    this.settle({ words: "", settings: Object.fromEntries(keys.map((key) => [key, defaultOf(key)])) });
    this.#evenLimit = null;
  }

  /** The data of the form, all of which have labels for a teacher that is made of them. */
  get dataSource(): DataSource {
    return { ...this.#base.data, path: this.data.path, unlabelled: null };
  }

  /** Takes a teacher that was made here or chosen. */
  useTeacher({ model, weights, imageSize }: NamedTeacher): void {
    this.teacherCheck.forget();
    if (this.#base.teacher?.weights === weights && this.#base.teacher.model === model) return;
    this.#before = this.#base;
    if (!this.distills) this.setDistills(true);
    this.#forgetTexts("teacher.");
    this.preset = null;
    this.#base = { ...this.#base, teacher: { ...presetOf("demo").recipe.teacher!, model, weights, imageSize } };
  }

  /**
   * Takes a teacher that was made here. A preset that was left as it is gives way to a first comparison with that teacher, as its settings were chosen for
   * other images; of a form with settings of one's own, only the teacher is exchanged.
   */
  useMade(made: MadeTeacher): void {
    const isUntouched = this.preset !== null && this.teacherFolder === null && this.#base.data.unlabelled === null;
    if (isUntouched) this.useFirstComparison(made);
    else this.useTeacher(made.teacher);
  }

  /** Takes the whole of a first comparison with a teacher that was made of the chosen data. */
  useFirstComparison({ teacher, images }: MadeTeacher): void {
    this.teacherCheck.forget();
    const before = this.#base;
    const recipe = parseRecipe(firstComparison(this.dataSource, teacher, images.train));
    this.useRecipe({ ...recipe, data: before.data, device: before.device });
    this.#before = before;
    this.#first = this.#base;
  }

  /** Whether the form is such a comparison, as it was set up. */
  get isFirstComparison(): boolean {
    return this.#base === this.#first;
  }

  /** The form as it was before another teacher was taken. */
  undoTeacher(): void {
    if (this.#before) this.#base = this.#before;
    this.#before = null;
  }

  /** Takes a recipe. Its data are those that are chosen. */
  useRecipe(recipe: Recipe): void {
    this.preset = null;
    this.#base = recipe;
    this.#texts = {};
  }

  /** Takes the form as it was left. */
  restore({ preset, sweep, recipe }: RememberedForm): void {
    this.useRecipe(recipe);
    this.preset = presets.find(({ id }) => id === preset)?.id ?? null;
    this.sweep.restore(sweep);
  }

  get #teaching(): Teaching | null {
    const classes = this.data.info?.classes;
    if (!this.distills || !classes) return null;
    return { teachers: teachersOf(this.#base).map(({ model, weights }) => ({ model, weights })), classes, data: this.dataSource };
  }

  /** How many images may have labels, and how many classes there are; null while that is not known. */
  get labellable(): { classes: number; images: number } | null {
    const { info } = this.data;
    if (!info) return null;
    const { trainLimit, validation } = this.#base.data;
    return { classes: info.classes.length, images: Math.min(info.train.count, trainLimit ?? info.train.count) - (validation ?? 0) };
  }

  /** Why what is made of the recipe cannot be started, in words; null if it can. */
  get sweepProblem(): string | null {
    return this.sweep.fields.map((field) => this.sweep.problemOf(field, this.labellable)).find((problem) => problem !== null) ?? null;
  }

  /** How many images of the chosen data cannot be read, where a run would end at them; 0 where they are skipped. */
  get unreadable(): number {
    return this.#base.data.skipUnreadable ? 0 : (this.data.info?.unreadable ?? 0);
  }

  /** Whether a run would end before it begins. */
  get blocked(): boolean {
    return this.teacherCheck.problem !== null || this.unreadable > 0 || this.sweepProblem !== null;
  }

  /** What keeps the form from being a recipe: values that are none, or, if all are, those that contradict each other. */
  get problems(): readonly FieldProblem[] {
    const typed = Object.keys(this.#texts).flatMap((key): FieldProblem[] => {
      const words = this.#typingProblem(key);
      return words ? [{ key, words }] : [];
    });
    return typed.length > 0 ? typed : this.#checked.contradictions;
  }

  /** The recipe on the chosen data, or what keeps it from being one. */
  get result(): Result {
    const { problems } = this;
    if (problems.length > 0) return { recipe: null, problems: problems.map(({ key, words }) => `${this.label(key)}: ${words}`) };
    return { recipe: this.#checked.recipe!, problems: [] };
  }

  /** Unfolds the settings that few need if this field is among them. Returns the key under which the form shows it: the control's settings stand at those of all arms. */
  unfold(key: string): string {
    const shown = key === "control.train.learningRate" ? key : key.replace(/^control\./, "");
    if (settingAt(shown, this.#base)?.advanced) this.showsMore = true;
    return shown;
  }

  /** The recipe as a file holds it; null while there is none. */
  get recipeText(): string | null {
    const { recipe } = this.result;
    return recipe && JSON.stringify(recipe, null, 2);
  }

  /** Each field asks for its part of it. */
  readonly #checked: Checked = $derived.by(() => {
    try {
      return { recipe: parseRecipe({ ...this.#base, data: { ...this.#base.data, path: this.data.path } }), contradictions: [] };
    } catch (error) {
      if (error instanceof RecipeError) return { recipe: null, contradictions: error.problems.map((problem) => contradictionIn(problem, this.#base)) };
      throw error;
    }
  });

  /** Settings of one's own, no preset's. */
  #rebuild(recipe: Recipe): void {
    this.preset = null;
    this.#base = recipe;
  }

  #assign(key: string, text: string): void {
    if (key.endsWith(".kind")) this.#forgetTexts(key.slice(0, -"kind".length));
    this.#base = assigned(this.#base, key, text);
  }

  #forgetTexts(beginning: string): void {
    for (const key of Object.keys(this.#texts)) if (key.startsWith(beginning)) delete this.#texts[key];
  }
}

function defaultOf(key: string): SettingValue {
  const setting = settingAt(key);
  return setting && "default" in setting ? setting.default : null;
}

const isPrecision = (key: string): boolean => key === "train.precision";

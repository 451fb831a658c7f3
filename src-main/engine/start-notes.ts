import { type Arithmetic, type ArithmeticChoice, choiceInWords, movedInWords, unmetInWords } from "../contract/arithmetic";
import type { Recipe } from "../contract/recipe";
import { type RecipeSetting, settingsWithoutEffect, usesUnlabelled } from "../contract/recipe-values";
import { type SeenImages, seenByTeachersInWords } from "../contract/seen";
import type { Dataset } from "../data/dataset";
import type { Said } from "../data/said";
import type { Arm } from "../training/compare";
import { isKeepable, MOST_PROBABILITIES } from "../training/evaluate";
import type { EarlierRun, PlacedArm } from "./resumption";
import { otherTeachersNote } from "./teachers";

/** A run that is about to train, for the first time or again. */
export interface Start {
  kind: "train" | "compare" | "trial";
  /** The arithmetic in which the run, or the sweep that it belongs to, began; null: it was chosen now. */
  choice: ArithmeticChoice | null;
  out: string;
  resume: boolean;
  /** The arms as the recipe describes them, and as they are computed. */
  asked: readonly Arm[];
  arms: readonly PlacedArm[];
  arithmetic: Arithmetic;
  earlier: readonly (EarlierRun | null)[];
  data: Dataset;
  /** What was said while the images were read. */
  dataNotes: readonly string[];
  normalization: { note: string | null };
  others: readonly unknown[];
  /** Of the networks. */
  warnings: readonly (string | null)[];
  notes: ReadonlySet<string>;
  /** What each teacher had seen of the images before. */
  seen: readonly (SeenImages | null)[];
}

/** Whatever was decided, left out or assumed before the first batch, in the order in which it is said. */
export function saidAtStart(start: Start): Said[] {
  const { asked, arms, arithmetic, earlier, data, others, resume } = start;
  const last = asked.at(-1)!.recipe;
  return [
    ...data.said,
    ...notes(predictionsUnkept(data), ...arithmeticNotes(start)),
    ...warnings(
      movedNote(earlier, arithmetic),
      resume ? null : unmetInWords(last, arithmetic.machine),
      ...start.warnings,
      ...seenByTeachersInWords(last, start.seen),
    ),
    ...notes(
      ...start.notes,
      anewNote(start),
      ...start.dataNotes,
      start.normalization.note,
      resume || start.kind === "trial" ? null : divisionInWords(data, arms),
      others.length > 0 ? otherTeachersNote(arms) : null,
      ...(resume ? [] : [...(arms.length === 1 ? ignoredControl(arms[0]!.recipe) : []), ...settingsWithoutEffect(last).map(noEffect)]),
    ),
  ];
}

const notes = (...texts: (string | null)[]): Said[] => said("note", texts);
const warnings = (...texts: (string | null)[]): Said[] => said("warning", texts);

/** Each text once. */
function said(type: Said["type"], texts: readonly (string | null)[]): Said[] {
  return [...new Set(texts)].flatMap((text) => (text === null ? [] : [{ type, text }]));
}

/** That there are too many predictions to keep, in words; null if there are not. */
function predictionsUnkept({ classes, test }: Dataset): string | null {
  if (isKeepable(test, classes.length)) return null;
  const limit = `${test.count} test images with ${classes.length} probabilities each are more than the ${MOST_PROBABILITIES} that are kept`;
  return `${limit}, so there is no file of their predictions, and no figures that need one: agreement with the teacher, calibration, how sure one seed is`;
}

/** What was chosen for these arms now, and not when the run began, or the sweep that they belong to. */
function arithmeticNotes({ choice, asked, arithmetic }: Start): string[] {
  return choice ? [] : asked.flatMap(({ recipe }) => choiceInWords(recipe, arithmetic) ?? []);
}

/** That arms that began elsewhere go on here, in words. */
function movedNote(earlier: readonly (EarlierRun | null)[], arithmetic: Arithmetic): string | null {
  const began = earlier.flatMap((run) => run?.header.arithmetic ?? [])[0];
  return began ? movedInWords(began.machine, arithmetic) : null;
}

function anewNote({ resume, earlier, out }: Start): string | null {
  return resume && earlier.every((run) => run === null) ? `${out} held no run yet, only what is left of a start: it begins anew` : null;
}

/** Which training images are used how, if not all are used alike. */
function divisionInWords({ train, labelled, validation }: Dataset, arms: readonly PlacedArm[]): string | null {
  const unlabelled = train.count - labelled;
  const learners =
    arms.length > 2
      ? "the student learns from those by its teacher, the other arms not at all"
      : "a student learns from those by its teacher, a control not at all";
  const use = arms.some(({ recipe }) => usesUnlabelled(recipe)) ? learners : "no arm learns from those";
  const parts = [
    ...(unlabelled > 0 ? [`${labelled} training images have labels, ${unlabelled} have none: ${use}`] : []),
    ...(validation ? [`${validation.count} images are held back for validation`] : []),
  ];
  return parts.length > 0 ? parts.join("; ") : null;
}

const noEffect = ({ key, setting }: RecipeSetting): string => `${key} has no effect: it is for ${setting.applies!.text} only`;

/** That a run of one arm leaves the control's settings out, in words, if there are any. */
function ignoredControl({ control }: Recipe): string[] {
  const keys = Object.keys(control?.train ?? {}).map((key) => `control.train.${key}`);
  if (keys.length === 0) return [];
  const [have, they] = keys.length > 1 ? ["have", "they are"] : ["has", "it is"];
  return [`one arm is trained, so ${keys.join(", ")} of the recipe ${have} no effect: ${they} for a comparison`];
}

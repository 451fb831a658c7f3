/** What comparisons of one seed or several show, in figures and in words. Pure functions for the engine, reports, terminal and app. */
import { type ComparedArm, comparedArms } from "./arms";
import { farBelowInWords, neitherLearnedInWords } from "./learning";
import { objectives } from "./objectives";
import type { Recipe } from "./recipe";
import { teachersOf, usesUnlabelled } from "./recipe-values";
import type {
  AnswerFigures,
  ArmFigures,
  ArmSummary,
  Compared,
  ComparisonSummary,
  DifferenceSummary,
  GainParts,
  SameImagesSummary,
  SeedDifference,
  SeedsAsked,
} from "./run";
import { fittedInWords, type SeenImages, seenByTeachersInWords } from "./seen";
import { sentence } from "./sentence";
import { deviation, hasWidth, holdsZero, mean, morePairsNeeded, pairedInterval } from "./statistics";

/** Means over the seeds, with how sure their difference is: over seeds where there are several, otherwise over test images. */
export function summarize(comparisons: readonly Compared[]): ComparisonSummary {
  return {
    seeds: comparisons.map(({ seed }) => seed),
    control: armSummary(comparisons.map(({ control }) => control)),
    student: armSummary(comparisons.map(({ student }) => student)),
    sameImages: sameImagesSummary(
      comparisons.flatMap(({ sameImages }) => sameImages ?? []),
      comparisons.length,
    ),
    ...differenceSummary(comparisons),
    testImages: comparisons[0]!.testImages,
    yardstick: comparisons[0]!.yardstick,
    seconds: mean(comparisons.map(({ seconds }) => seconds)),
  };
}

/** null unless all of so many comparisons have that arm. */
function sameImagesSummary(arms: readonly (ArmFigures & GainParts<SeedDifference>)[], comparisons: number): SameImagesSummary | null {
  if (arms.length < comparisons) return null;
  return {
    ...armSummary(arms),
    teacherAdds: differenceSummary(arms.map(({ teacherAdds }) => teacherAdds)),
    imagesAdd: differenceSummary(arms.map(({ imagesAdd }) => imagesAdd)),
  };
}

function differenceSummary(seeds: readonly SeedDifference[]): DifferenceSummary {
  const differences = seeds.map(({ difference }) => difference);
  const isOne = seeds.length === 1;
  const interval = isOne ? seeds[0]!.interval : pairedInterval(differences);
  return {
    difference: mean(differences),
    differences,
    deviation: deviation(differences),
    interval,
    intervalOver: interval && (isOne ? "test images" : "seeds"),
    moreSeeds: !isOne && interval && holdsZero(interval) && !isNothing(mean(differences)) ? morePairsNeeded(differences) : null,
  };
}

/** The arms that figures are of, in order. */
export function armsIn<Figures>(of: { [Name in "control" | "student"]: Figures } & { sameImages: Figures | null }): { arm: ComparedArm; figures: Figures }[] {
  const figures: { [Name in ComparedArm]: Figures | null } = { control: of.control, "same-images": of.sameImages, student: of.student };
  return comparedArms.flatMap((arm) => (figures[arm] === null ? [] : [{ arm, figures: figures[arm] }]));
}

function armSummary(arms: readonly ArmFigures[]): ArmSummary {
  const meanOf = (key: keyof AnswerFigures): number | null => {
    const values = arms.flatMap((arm) => arm[key] ?? []);
    return values.length === arms.length ? mean(values) : null;
  };
  const tested = arms.map(({ testAcc }) => testAcc);
  return {
    trainAcc: mean(arms.map(({ trainAcc }) => trainAcc)),
    testAcc: mean(tested),
    deviation: deviation(tested),
    agreement: meanOf("agreement"),
    divergence: meanOf("divergence"),
    calibrationError: meanOf("calibrationError"),
  };
}

// ---- In words ---------------------------------------------------------------------------------------------------------------------

/** The images whose labels the bundled teachers were trained on. */
const BUNDLED_TEACHER_SAW = "the 50,000 labelled training images of CIFAR-10, the sample's among them";

/**
 * What the student had that the control had not, and what the teacher knew before: two or three sentences. `hasSameImages`: whether a third arm learned
 * from the teacher on the control's images. `seen`: what each teacher had seen of the images, as far as that is known.
 */
export function teachingInWords(
  { teacher, distillation, data, train }: Pick<Recipe, "teacher" | "distillation" | "data"> & { train: Pick<Recipe["train"], "precision"> },
  hasSameImages: boolean,
  seen: readonly (SeenImages | null)[] = [],
): string | null {
  if (!teacher || !distillation) return null;
  const terms = distillation.terms.filter(({ weight }) => weight > 0).map(({ kind }) => objectives[kind].label.toLowerCase());
  const means = [...new Set(terms)].join(" and ");
  const teachers = teachersOf({ teacher });
  const the = teachers.length > 1 ? "teachers" : "teacher";
  const names = `${the}, ${teachers.map(({ model }) => model).join(" and ")},`;
  const [all, taught] = hasSameImages ? ["All three", "the other two"] : ["Both", "the student"];
  const got =
    distillation.labels > 0
      ? `${all} learned from the labels; ${taught} ${hasSameImages ? "" : "alone "}also from the ${names} by ${means}.`
      : `The control learned from the labels; ${taught} only from the ${names} by ${means}.`;
  const images = usesUnlabelled({ distillation, data })
    ? ` Besides, the student ${hasSameImages ? "alone " : ""}was shown images without labels, about which only the ${the} ${teachers.length > 1 ? "say" : "says"} something.`
    : "";
  return `${got}${images} ${originsInWords(teachers, seen)}${leaksInWords({ teacher }, seen)}${train.precision === "bf16" ? ROUNDED : ""}`;
}

const ROUNDED =
  " All accuracies are those of answers in bf16, the teacher’s too, as its student learns from these: in fp32, as in a teacher’s own report, they may differ by a few images.";

/** What the teachers had been trained on: a sentence for each whose weights say it, one for the others. */
function originsInWords(teachers: readonly { model: string; weights: string }[], seen: readonly (SeenImages | null)[]): string {
  const isOne = teachers.length === 1;
  const known = teachers.flatMap(({ model }, i) => (seen[i] ? [`The teacher${isOne ? "" : ` ${model}`} ${fittedInWords(seen[i])}.`] : []));
  const unknown = teachers.filter((_, i) => !seen[i]);
  if (unknown.length === 0) return known.join(" ");
  const that = isOne ? "That teacher" : known.length === 0 ? "Those teachers" : unknown.length === 1 ? "The other" : "The others";
  const saw = unknown.every(({ weights }) => weights === "bundled")
    ? `on ${BUNDLED_TEACHER_SAW}`
    : `on images and labels that ${unknown.length === 1 ? "its" : "their"} weights do not name`;
  return [...known, `${that} had been trained before, ${saw}.`].join(" ");
}

/** That teachers know test images, a sentence for each, after others. */
function leaksInWords(recipe: Pick<Recipe, "teacher">, seen: readonly (SeenImages | null)[]): string {
  return seenByTeachersInWords(recipe, seen)
    .map((words) => ` ${sentence(words)}.`)
    .join("");
}

/** How the numbers of steps compare over numbers of labelled images; null if they are equal. */
export function stepsInWords({ data: { unlabelled } }: Pick<Recipe, "data">): string | null {
  if (unlabelled) return null;
  return "All were trained for the same number of epochs. With fewer labelled images an epoch has fewer batches, so those students took fewer steps.";
}

/** A difference of two fractions in points: "+17.9", "−0.3". */
export function signedPoints(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(1);
  return `${difference < 0 && points !== "0.0" ? "−" : "+"}${points}`;
}

/**
 * How much of the difference is the teacher's and how much that of the images without labels; null in a comparison of two arms. `controlled`: whether
 * control and the arm with the teacher on the same images are proven to differ in the teacher alone; null if that is not known here.
 */
export function gainPartsInWords({ difference, sameImages }: Pick<ComparisonSummary, "difference" | "sameImages">, controlled: boolean | null): string | null {
  if (!sameImages) return null;
  const part = ({ difference, interval }: DifferenceSummary, more: string | null = null) => {
    const range = interval && hasWidth(interval) ? `${signedPoints(interval[0])} to ${signedPoints(interval[1])}` : null;
    const aside = [range, more].filter((words) => words !== null).join("; ");
    return `${signedPoints(difference)}${aside ? ` (${aside})` : ""}`;
  };
  const proof = controlled === null ? null : controlled ? "controlled" : "not proven to be controlled";
  return `Of the ${signedPoints(difference)} points, the teacher on the same labelled images gives ${part(sameImages.teacherAdds, proof)}, and the images without labels give ${part(sameImages.imagesAdd)}.`;
}

/** What the difference is worth. */
export interface Sureness {
  /** Whether it is more than chance; null if that is not known. */
  isShown: boolean | null;
  /** The result in one sentence, with its interval and what it rests on. */
  result: string;
  /** What it does not show yet, or never will. */
  doubt: string | null;
  /** That the student is far from what there is to learn, and what would help. */
  shortfall: string | null;
  /** Whether more seeds would make it surer: they would not where neither model has learned anything. */
  seedsHelp: boolean;
  /** How the interval was computed, and what it means. */
  how: string;
}

type Difference = DifferenceSummary & Pick<ComparisonSummary, "seeds" | "testImages">;

/** `controlled`: whether the arms are proven to differ in the teacher alone, so that the difference is the teacher's. */
export function surenessInWords(summary: ComparisonSummary, controlled: boolean): Sureness {
  const { interval } = summary;
  const isShown = interval && hasWidth(interval) ? !holdsZero(interval) : null;
  const neither = neitherLearnedInWords(summary);
  return {
    isShown,
    result: `${isShown === false ? notShownInWords(summary) : controlled ? teacherAddsInWords(summary) : betterOrWorse(summary)}${restsOn(summary)}.`,
    doubt: neither ?? (interval && !hasWidth(interval) ? withoutWidth(summary) : doubtInWords(summary, isShown)),
    shortfall: neither === null ? farBelowInWords(summary) : null,
    seedsHelp: neither === null,
    how: howInWords(summary),
  };
}

const isNothing = (difference: number): boolean => Math.abs(difference) < 0.0005;
const unsigned = (difference: number): string => (100 * Math.abs(difference)).toFixed(1);

function teacherAddsInWords({ difference }: Difference): string {
  return difference > 0 || isNothing(difference) ? `The teacher adds ${unsigned(difference)} points` : `The teacher takes ${unsigned(difference)} points away`;
}

function betterOrWorse({ difference }: Difference): string {
  if (isNothing(difference)) return "Student and control are right about equally often";
  return `The student is ${unsigned(difference)} points ${difference > 0 ? "better" : "worse"} than the control`;
}

/** What the teacher does is not claimed where the interval holds that it does nothing. */
function notShownInWords({ difference, seeds, moreSeeds }: Difference): string {
  if (isNothing(difference)) return "Nothing shown either way: student and control are right about equally often";
  const place = `${unsigned(difference)} points ${difference > 0 ? "above" : "below"} the control`;
  return `No difference shown${seeds.length > 1 && moreSeeds === null ? "" : " yet"}: the student is ${place}`;
}

const counted = (count: number, noun: string): string => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** " (95 %: −0.6 to +3.1; 3 seeds; 1,000 test images)" */
function restsOn({ interval, seeds, testImages }: Difference): string {
  const range = interval && hasWidth(interval) ? `95 %: ${signedPoints(interval[0])} to ${signedPoints(interval[1])}` : null;
  return ` (${[range, counted(seeds.length, "seed"), testImages === null ? null : counted(testImages, "test image")].filter(Boolean).join("; ")})`;
}

function doubtInWords({ seeds, moreSeeds, difference }: Difference, isShown: boolean | null): string | null {
  if (seeds.length === 1)
    return isShown === false
      ? `${isNothing(difference) ? "" : "It may be chance. "}Compare more seeds.`
      : "It is one seed: another may give another difference.";
  if (isShown !== false) return null;
  if (isNothing(difference)) return "Either may be better by as much as the interval says.";
  const needed = moreSeeds === null ? "even a thousand seeds would not show it" : `about ${counted(moreSeeds, "more seed")} would be needed to show it`;
  return `It may be chance. If the true difference is this large, ${needed}.`;
}

/** That seeds which were asked for are not among those of a result; null if all are, or if nothing tells what was asked for. */
export function missingSeedsInWords(found: readonly number[], asked: SeedsAsked | null): string | null {
  if (!asked) return null;
  const missing = Array.from({ length: asked.seeds }, (_, i) => asked.first + i).filter((seed) => !found.includes(seed));
  if (missing.length === 0 || found.length === 0) return null;
  const isOne = missing.length === 1;
  const named =
    missing.length > MOST_NAMED ? `${missing.length} of them are` : `${isOne ? "seed" : "seeds"} ${LISTED.format(missing.map(String))} ${isOne ? "is" : "are"}`;
  return `Not all of the ${asked.seeds} seeds that were asked for are in this result: ${named} missing, deleted or not finished.`;
}

const MOST_NAMED = 6;
const LISTED = new Intl.ListFormat("en-GB");

function withoutWidth({ intervalOver, seeds, testImages, difference }: Difference): string {
  if (intervalOver === "seeds") return `All ${seeds.length} seeds have the same difference, so they do not show how much another seed may change it.`;
  return difference === 0
    ? `The two models are right on the same of these ${testImages} test images, so the images show nothing of a difference between them.`
    : `The same one of the two models is right on every one of these ${testImages} test images, so the images do not show where the difference ends.`;
}

/** Why each method: seeds are few and independent, so their differences are taken for normal; an image counts -1, 0 or 1, so images are drawn anew. */
function howInWords({ seeds, intervalOver, testImages }: Difference): string {
  if (intervalOver === "seeds")
    return `Over all possible seeds, the mean difference lies in the interval with 95 % confidence. Each seed’s student is compared with its own control; the interval is Student’s t for the mean of these ${seeds.length} differences. It covers what chance in starting weights and order of images does.`;
  if (intervalOver === "test images")
    return `With other test images like these, the difference between these two models lies in the interval with 95 % confidence. Paired bootstrap: the ${testImages} test images are drawn anew 2,000 times, each with both answers. It covers the choice of test images alone: it is one seed, and another may give another difference.`;
  return seeds.length > 1 ? "" : "No predictions are kept, so no interval is known.";
}

/** Those figures that all of these arms have. */
export function answerFiguresOf(arms: readonly { figures: AnswerFigures }[]): typeof ANSWER_FIGURES {
  return ANSWER_FIGURES.filter(({ key }) => arms.every(({ figures }) => figures[key] !== null));
}

/** What the figures of an arm's answers are, for people who do not know them: name, words, value. */
export const ANSWER_FIGURES: readonly { key: keyof AnswerFigures; name: string; words: string; show: (value: number) => string }[] = [
  {
    key: "agreement",
    name: "Agrees with the teacher",
    words: "share of the test images to which it gives the teacher’s answer, right or wrong",
    show: (value) => `${(100 * value).toFixed(1)} %`,
  },
  {
    key: "divergence",
    name: "KL to the teacher",
    words: "how far its probabilities are from the teacher’s, KL(teacher || model) in nats; 0: the same",
    show: (value) => value.toFixed(3),
  },
  {
    key: "calibrationError",
    name: "Calibration error (ECE)",
    words: "how far its probabilities are from how often it is right, on average; 0: when it says 80 %, it is right 8 times in 10",
    show: (value) => `${(100 * value).toFixed(1)} %`,
  },
];

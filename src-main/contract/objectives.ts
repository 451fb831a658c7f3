/**
 * The objectives that a student can learn from besides the labels, as data: each one's label, settings and parts. `training/objectives/`
 * computes them, one file each, under the same names.
 */
import { gridStagesOf, stagesOf } from "./families";
import { choice, integer, number, type Row, type Setting, text, type ValueOf } from "./setting";

/** What a recipe says of the networks that an objective is between. */
export interface Networks {
  student: { model: string; imageSize: number; patchSize: number | null };
  teacher: { model: string };
}

export interface ObjectiveInfo {
  label: string;
  /** One sentence. */
  help: string;
  /** Every term has a weight; this is its default. */
  weight: number;
  /** Whether it trains the student's answers; one that trains features alone needs the labels or another term beside it. */
  trainsAnswers: boolean;
  /** Whether it compares with the true class, so that it cannot use images without labels. */
  needsLabels?: boolean;
  settings: { readonly [name: string]: Setting };
  /** What keeps a term with these settings from working between these networks, beginning with the name of a setting; null if nothing does. */
  problem?(settings: { readonly [name: string]: unknown }, networks: Networks): string | null;
  /** Parts of the loss by name, as charts and reports call them. A part's column in batches.csv is `<name>_loss`. */
  parts: { readonly [name: string]: string };
}

/** The stage whose activations a term takes from a network. */
const stage = (whose: string) =>
  text({
    nullable: true,
    default: null,
    label: `${whose} stage`,
    help: `One of the ${whose.toLowerCase()} stages, such as block4 of a vision transformer or layer2 of a ResNet; null takes the middle one.`,
  });
const stagesOfBoth = { studentStage: stage("Student's"), teacherStage: stage("Teacher's") };

const temperature = (value: number) =>
  number(0.05, 100, {
    default: value,
    label: "Temperature",
    help: "Divides the logits of both networks before the softmax: above 1 softer labels, below 1 sharper ones.",
  });

export const objectives = {
  soft: {
    label: "Soft labels",
    help: "The teacher's class probabilities: T² KL(teacher || student) (Hinton et al. 2015).",
    weight: 0.5,
    trainsAnswers: true,
    settings: { temperature: temperature(0.5) },
    parts: { kd: "Soft labels" },
  },
  "standardized-soft": {
    label: "Standardized soft labels",
    help: "Soft labels computed after standardizing each image's logits to mean 0 and deviation 1 in both networks (Sun et al. 2024).",
    weight: 9,
    trainsAnswers: true,
    settings: { temperature: temperature(2) },
    parts: { standardized_kd: "Standardized soft labels" },
  },
  dkd: {
    label: "Decoupled soft labels",
    help: "Weights the true class's probability and the ratios among the other classes separately (Zhao et al. 2022).",
    weight: 1,
    trainsAnswers: true,
    needsLabels: true,
    settings: {
      temperature: temperature(4),
      alpha: number(0, 1000, { default: 1, label: "Weight of the true class", help: "Weight of the true class's probability against all others together." }),
      beta: number(0, 1000, { default: 8, label: "Weight of the other classes", help: "Weight of the ratios among the other classes." }),
    },
    parts: { tckd: "True class (TCKD)", nckd: "Other classes (NCKD)" },
  },
  hard: {
    label: "Hard labels",
    help: "The class that the teacher finds most likely, as a label: cross-entropy with the class of its largest logit, the first among equals.",
    weight: 0.5,
    trainsAnswers: true,
    settings: {},
    parts: { hard: "Hard labels" },
  },
  "logit-matching": {
    label: "Logit matching",
    help: "Mean square of the differences between the two networks' logits, over images and classes (Ba and Caruana 2014).",
    weight: 1,
    trainsAnswers: true,
    settings: {},
    parts: { logit_mse: "Logit matching" },
  },
  token: {
    label: "Distillation token",
    help: "The head of the student's distillation token learns from the teacher, and its other head from the labels and the other objectives (Touvron et al. 2021). At evaluation the logits are the mean of both.",
    weight: 0.5,
    trainsAnswers: true,
    settings: {
      targets: choice(
        [
          { value: "hard", label: "Hard labels" },
          { value: "soft", label: "Soft labels" },
        ],
        { default: "hard", label: "Targets", help: "What the token's head learns: the teacher's most likely class, or its class probabilities." },
      ),
      temperature: number(0.05, 100, { default: 3, label: "Temperature", help: "Of soft targets: divides the logits of both before the softmax." }),
    },
    problem: tokenProblem,
    parts: { token: "Distillation token" },
  },
  locality: {
    label: "Locality guidance",
    help: "The student's patch tokens after a block learn to predict the teacher's feature map at the same place (Li et al. 2022).",
    weight: 40,
    trainsAnswers: false,
    settings: {
      block: integer(1, 1000, { default: 4, label: "Block", help: "The student's block whose tokens are used, counted from 1; must not be the last." }),
      stage: text({ nullable: true, default: null, label: "Teacher's stage", help: "The teacher's stage whose map is predicted; null takes its last." }),
    },
    problem: localityProblem,
    parts: { locality: "Locality guidance" },
  },
  features: {
    label: "Feature guidance",
    help: "A linear layer of the student's activations at each place learns to predict the teacher's at the same place, normalised by channel (after Romero et al. 2015, FitNets). The coarser grid of both counts.",
    weight: 40,
    trainsAnswers: false,
    settings: stagesOfBoth,
    problem: stageProblem,
    parts: { features: "Feature guidance" },
  },
  "attention-transfer": {
    label: "Attention transfer",
    help: "Where in an image the student's activations are large learns to be where the teacher's are: squares summed over channels, normalised over the image (Zagoruyko and Komodakis 2017). The coarser grid of both counts.",
    weight: 1000,
    trainsAnswers: false,
    settings: stagesOfBoth,
    problem: stageProblem,
    parts: { attention_transfer: "Attention transfer" },
  },
} satisfies Record<string, ObjectiveInfo>;

function localityProblem({ block, stage }: { readonly [name: string]: unknown }, { student, teacher }: Networks): string | null {
  const blocks = gridStagesOf(student.model);
  if (blocks.every(({ kind }) => kind !== "tokens"))
    return `kind: locality needs a student with patch tokens, such as a vision transformer, got ${student.model}`;
  if (Number(block) > blocks.length)
    return `block: expected 1 to ${blocks.length} for ${student.model}, got ${block}: its last block is computed for the class token alone`;
  const maps = gridStagesOf(teacher.model);
  if (maps.every(({ kind }) => kind !== "map")) return `kind: locality needs a teacher with feature maps, such as a ResNet, got ${teacher.model}`;
  const names = maps.map(({ name }) => name);
  if (stage === null || names.includes(String(stage))) return null;
  return `stage: expected null or one of ${names.join(", ")} for ${teacher.model}, got ${JSON.stringify(stage)}`;
}

function stageProblem({ studentStage, teacherStage }: { readonly [name: string]: unknown }, { student, teacher }: Networks): string | null {
  return unknownStage("studentStage", studentStage, student.model) ?? unknownStage("teacherStage", teacherStage, teacher.model);
}

function unknownStage(setting: string, stage: unknown, model: string): string | null {
  const names = gridStagesOf(model).map(({ name }) => name);
  if (stage === null || names.includes(String(stage))) return null;
  return `${setting}: expected null or one of ${names.join(", ")} for ${model}, got ${JSON.stringify(stage)}`;
}

function tokenProblem(_: unknown, { student }: Networks): string | null {
  if (stagesOf(student.model).some(({ kind }) => kind === "head")) return null;
  return `kind: token needs a student with a distillation token, such as deit_tiny_distilled_patch16_224, got ${student.model}`;
}

export type ObjectiveKind = keyof typeof objectives;
type Values<Rows> = { -readonly [Name in keyof Rows]: ValueOf<Rows[Name]> };
/** One term of the sum that a student learns from, with the settings of its kind. */
export type TermOf<K extends ObjectiveKind> = { kind: K; weight: number } & Values<(typeof objectives)[K]["settings"]>;
export type Term = { [K in ObjectiveKind]: TermOf<K> }[ObjectiveKind];

export const objectiveKinds = Object.keys(objectives) as ObjectiveKind[];

export function isObjectiveKind(kind: unknown): kind is ObjectiveKind {
  return typeof kind === "string" && Object.hasOwn(objectives, kind);
}

export const kindSetting: Setting = choice(
  objectiveKinds.map((value) => ({ value, label: objectives[value].label })),
  { required: true, label: "Objective", help: "What the student learns from." },
);

/** All rows of a term: its weight and the settings of its kind. */
export function termSettings(kind: ObjectiveKind): { readonly [name: string]: Setting } {
  const { weight, settings } = objectives[kind];
  return { weight: weightSetting(weight), ...settings };
}

function weightSetting(value: number): Row<number> {
  return number(0, 1e6, { default: value, label: "Weight", help: "Factor of this term in the loss." });
}

/**
 * The short form of a distillation, `{"kind": "soft", "temperature": T, "alpha": A}`: the labels with weight 1 - A, and the soft labels with
 * weight A.
 */
export const shortForm: { readonly [name: string]: Setting } = {
  kind: choice([{ value: "soft", label: "Soft labels" }], { default: "soft", label: "Distillation", help: "What the student takes from the teacher." }),
  temperature: objectives.soft.settings.temperature,
  alpha: number(0, 1, { default: 0.5, label: "Alpha", help: "Weight of the teacher's term in the loss; the labels have the rest." }),
};

/** The label of a part of the loss in charts and reports. The parts of a second term of the same kind end in a number: "kd2". */
export function partLabel(name: string): string {
  if (name === "ce") return "Labels (cross-entropy)";
  const [, base, count] = /^(.*?)(\d*)$/.exec(name)!;
  const label = Object.values(objectives as Record<string, ObjectiveInfo>)
    .map(({ parts }) => parts[name] ?? parts[base!])
    .find((found) => found !== undefined);
  return label ? `${label}${count ? ` ${count}` : ""}` : name;
}

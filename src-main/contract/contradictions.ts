/** Problems of a recipe that no single key shows. */
import { patchSizeOf, sizesProblem } from "./families";
import { type Networks, type ObjectiveInfo, objectives, type Term } from "./objectives";
import type { Recipe, StudentChoice } from "./recipe";
import { usesUnlabelled } from "./recipe-values";
import { sharedKeys } from "./settings";

export function contradictionsOf(recipe: Recipe): string[] {
  const train = trainProblems("train", recipe.train);
  return [
    ...distillationProblems(recipe),
    ...dataProblems(recipe),
    ...normalizationProblems("teacher", recipe.teacher),
    ...(recipe.teacher?.others ?? []).flatMap((other, index) => normalizationProblems(`teacher.others.${index}`, other)),
    ...otherTeacherProblems(recipe),
    ...normalizationProblems("student", recipe.student),
    ...patchProblems(recipe.student),
    ...augmentProblems(recipe.augment),
    ...train,
    ...controlProblems(recipe).filter((problem) => !train.includes(problem.replace(/^control\./, ""))),
  ];
}

function distillationProblems({ teacher, student, distillation }: Recipe): string[] {
  if (!distillation) return [];
  const { labels, terms } = distillation;
  const trainsAnswers = labels > 0 || terms.some(({ kind, weight }) => weight > 0 && objectives[kind].trainsAnswers);
  return [
    ...(teacher ? [] : ["distillation: needs a teacher, got teacher null; name a teacher, or set distillation to null for a control"]),
    ...(trainsAnswers
      ? []
      : [
          "distillation: expected the labels, or a term that trains the student's answers, with a weight above 0; got none, so the student would learn no classes",
        ]),
    ...(teacher ? terms.flatMap((term, index) => termProblems(term, index, { student, teacher })) : []),
  ];
}

/** Other teachers add to the logits: where no term looks at them, they would be asked for nothing. */
function otherTeacherProblems({ teacher, distillation }: Recipe): string[] {
  if (!teacher?.others || !distillation || distillation.terms.some(({ kind }) => objectives[kind].trainsAnswers)) return [];
  return ["teacher.others: features come from the first teacher alone, and no term of this recipe learns from logits; leave the others out"];
}

function termProblems(term: Term, index: number, networks: Networks): string[] {
  const { problem } = objectives[term.kind] as ObjectiveInfo;
  const found = problem?.(term, networks);
  return found ? [`distillation.terms.${index}.${found}`] : [];
}

function dataProblems({ data, distillation }: Recipe): string[] {
  const { labelled, unlabelled } = data;
  if (unlabelled === null) return [];
  const terms = usesUnlabelled({ data, distillation }) ? distillation!.terms : [];
  const needLabels = terms.filter(({ kind }) => (objectives[kind] as ObjectiveInfo).needsLabels);
  return [
    ...(unlabelled === "rest" && labelled === null
      ? ["data.unlabelled: the rest is what data.labelled leaves out, and it is null: every training image has its label; set data.labelled, or name a folder"]
      : []),
    ...needLabels.map(
      ({ kind }) =>
        `data.unlabelled: ${kind} needs the label of every image; expected null, got ${JSON.stringify(unlabelled)}; or set distillation.images to labelled`,
    ),
  ];
}

function normalizationProblems(network: string, choice: Pick<StudentChoice, "mean" | "std"> | null): string[] {
  if (!choice || (choice.mean === null) === (choice.std === null)) return [];
  const [missing, named] = choice.mean === null ? ["mean", "std"] : ["std", "mean"];
  return [`${network}.${missing}: expected three numbers, as ${network}.${named} has them, got null; name both or neither`];
}

function augmentProblems({ views, ...drawn }: Recipe["augment"]): string[] {
  const both = drawn.crop > 0 && drawn.resizedCrop > 0;
  const isDrawn = Object.values(drawn).some((value) => value !== 0 && value !== false);
  return [
    ...(both ? [`augment.resizedCrop: takes the place of augment.crop; expected 0, got ${drawn.resizedCrop}; or set augment.crop to 0`] : []),
    ...(views === null || isDrawn ? [] : [`augment.views: without crops, flips, erasing and mixing an image has one view only; expected null, got ${views}`]),
  ];
}

function controlProblems({ train, control }: Recipe): string[] {
  if (!control) return [];
  const tuned = { ...train, ...control.train };
  const shared = sharedKeys.filter((key) => tuned[key] !== train[key]);
  return [
    ...shared.map((key) => `control.train.${key}: all arms share ${sharedKeys.join(", ")}; expected ${train[key]}, got ${tuned[key]}; omit it`),
    ...trainProblems("control.train", tuned, Object.keys(control.train)),
  ];
}

function patchProblems({ model, imageSize, patchSize }: Recipe["student"]): string[] {
  const own = patchSizeOf(model);
  if (own === null && patchSize !== null) return [`student.patchSize: ${model} has no patches; expected null, got ${patchSize}`];
  const found = sizesProblem(model, { imageSize, patchSize: patchSize ?? own });
  return found ? [`student.${found.size}: ${found.problem}`] : [];
}

/** `own`: the names that this section sets; for others the recipe's `train` counts. */
function trainProblems(section: string, train: Recipe["train"], own: readonly string[] = []): string[] {
  const { epochs, optimizer, momentum, nesterov, schedule, warmupEpochs } = train;
  const momentumKey = `${own.includes("momentum") ? section : "train"}.momentum`;
  const problems: string[] = [];
  if (warmupEpochs >= epochs && warmupEpochs > 0)
    problems.push(`${section}.warmupEpochs: expected less than the ${epochs} ${epochs === 1 ? "epoch" : "epochs"} of training, got ${warmupEpochs}`);
  if (schedule !== "cosine-step" && !Number.isInteger(warmupEpochs)) {
    problems.push(`${section}.warmupEpochs: expected a whole number with schedule ${schedule}, got ${warmupEpochs}; cosine-step takes fractions`);
  }
  if (optimizer === "sgd" && nesterov && momentum === 0) problems.push(`${section}.nesterov: needs a momentum above 0, got ${momentumKey} 0`);
  return problems;
}

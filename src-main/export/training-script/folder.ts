/** A run's training as Python: train.py, with the weights that it starts from and its teacher's, for several processes or machines. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { comparedArms } from "../../contract/arms";
import { InputError, UsageError } from "../../contract/failure";
import type { OtherTeacher, ResolvedRecipe, TeacherChoice } from "../../contract/recipe";
import { teachersOf } from "../../contract/recipe-values";
import type { Dataset } from "../../data/dataset";
import { writeWhole } from "../../disk/write-whole";
import { writeSafetensors } from "../../models/safetensors";
import { holdsRun, readHeader } from "../../runs/header";
import type { TrainedRun } from "../../runs/trained";
import { fittedTo } from "../../training/classes";
import { Criterion } from "../../training/criterion";
import { loadNetwork, type Network } from "../../training/network";
import { createStudent } from "../../training/student";
import type { Said, Writer } from "../exported";
import { stateDict } from "../state-dict";
import { timmModel } from "../timm/architectures";
import ownModels from "../timm/distill_models.py?raw";
import { cifarOf, dataOf, filesOf, type ImageList, placesOf } from "./images";
import { withParts } from "./parts";
import { script } from "./script";
import { routesOf } from "./stages";
import { isDivided, partsOf, unsupportedIn } from "./supported";

/** Stands in train.py where the settings belong. */
const PLACE = '"SETTINGS OF THE RECIPE"';

export const writeTrainingScript: Writer = async ({ run }, out) => {
  if (!run) throw new UsageError("a training script repeats a run: name the run, not a file of weights");
  const { recipe, classes, hashes } = run.header;
  const unsupported = unsupportedIn(recipe);
  if (unsupported.length > 0) throw new InputError([`${run.directory} cannot be trained by the script: ${unsupported.join("; ")}`]);
  const arms = armsOf(run);
  const data = await dataOf(Object.values(arms));
  try {
    const cifar = cifarOf(data);
    const isFolder = data.format === "image-folder";
    if (!isFolder && !cifar)
      throw new InputError(
        `${run.directory} cannot be trained by the script: expected image folders, or the binary version of CIFAR-10 or CIFAR-100, got ${data.format} in ${data.path}`,
      );
    mkdirSync(out);
    const isListed = !isFolder && isDivided(recipe);
    if (isFolder || isListed) writeWhole(join(out, "images.json"), listText(isFolder ? filesOf(data) : await placesOf(recipe, data)));
    const networks = writeNetworks(run, out);
    const settings = { arms: asTrained(arms), classes, side: data.train.H, ...(cifar && { cifar }), ...networks };
    const used = new Set([isFolder ? "folder" : "cifar", ...(isListed ? ["listed"] : []), ...(data.validation ? ["validation"] : []), ...partsOf(recipe)]);
    writeWhole(
      join(out, "train.py"),
      withParts(script, used).replace(PLACE, () => literal(settings)),
    );
    if ([networks.networks.student, ...networks.networks.teachers].some(({ own }) => own)) writeWhole(join(out, "distill_models.py"), ownModels);
    return said(run, data, data.hash === hashes.data);
  } finally {
    data.release();
  }
};

function said({ header: { recipe } }: TrainedRun, { validation, path }: Dataset, isSame: boolean): Said {
  const notes = ["python train.py --help, in the folder, says how it is started; it needs PyTorch, timm and safetensors, and a copy of the images"];
  if (recipe.train.precision === "bf16") notes.push("the script trains in fp32, the run in bf16");
  if (validation) notes.push("the script measures the validation images, but keeps no weights of the best epoch");
  const warnings = isSame ? [] : [`the images in ${path} are no longer those of the run: the script trains on what is there now`];
  return { notes, warnings };
}

interface Described {
  architecture: string;
  args: object;
  /** Whether it is in distill_models.py. */
  own: boolean;
  /** Of the input, in pixels. */
  side: number;
  mean: readonly number[];
  std: readonly number[];
}

/** Writes what all networks begin with, and describes them, and what the terms of the distillation compare. */
function writeNetworks({ header }: TrainedRun, out: string) {
  const { recipe, classes, seed, normalization } = header;
  const { teacher, distillation } = recipe;
  const student = createStudent({ ...recipe.student, ...normalization?.student }, classes, seed);
  const teachers = distillation ? teachersOf(recipe).map((choice) => ({ choice, network: teacherFrom(choice, classes) })) : [];
  try {
    const first = teachers[0]?.network;
    const criterion = new Criterion(student, first ? distillation : null, first ? { student, teacher: first, seed } : null);
    const weights = [...criterion.weights()].filter(([, { trained }]) => trained);
    if (weights.length > 0) writeSafetensors(join(out, "guides.safetensors"), new Map(weights), { format: "pt" });
    const parts = criterion.parts.filter((part) => part !== "ce" && part !== "kd");
    criterion.release();
    const routes = first && distillation ? routesOf(distillation.terms, student.model, first.model) : [];
    const described = teachers.map(({ choice, network }, i) => {
      const file = i === 0 ? "teacher.safetensors" : `teacher-${i + 1}.safetensors`;
      return { ...written(network, join(out, file)), file, weight: choice === teacher ? 1 : ((choice as OtherTeacher).weight ?? 1) };
    });
    return { networks: { student: written(student, join(out, "start.safetensors")), teachers: described }, routes, parts };
  } finally {
    for (const { model } of [student, ...teachers.map(({ network }) => network)]) model.release();
  }
}

function written({ model, normalization: { mean, std } }: Network, path: string): Described {
  const { architecture, args, isOwn } = timmModel(model.name, model.sizes);
  writeSafetensors(path, stateDict(model), { format: "pt" });
  return { architecture, args, own: isOwn, side: model.imageSize, mean, std };
}

function teacherFrom(teacher: TeacherChoice, classes: readonly string[]): Network {
  return fittedTo(loadNetwork(teacher), classes, `the teacher (${teacher.weights})`);
}

/** The script computes in fp32, whatever this program did, and the runs that it writes say so. */
const asTrained = (arms: Record<string, ResolvedRecipe>): Record<string, ResolvedRecipe> =>
  Object.fromEntries(Object.entries(arms).map(([arm, recipe]) => [arm, { ...recipe, train: { ...recipe.train, precision: "fp32" } }]));

/** The recipe of each arm by its name: of a comparison's student, also those of the others. */
function armsOf({ directory, header }: TrainedRun): Record<string, ResolvedRecipe> {
  if (header.arm !== "student") return { [header.arm]: header.recipe };
  const folders = comparedArms.map((arm) => [arm, join(dirname(directory), arm)] as const).filter(([, folder]) => holdsRun(folder));
  return { ...Object.fromEntries(folders.map(([arm, folder]) => [arm, readHeader(folder).recipe])), student: header.recipe };
}

/** JSON in a raw string of Python, which only its own quotation marks would end. */
const literal = (settings: object) => `r'''\n${JSON.stringify(settings, null, 2).replaceAll("'", "\\u0027")}\n'''`;

/** One image a line. */
function listText(list: ImageList): string {
  const splits = Object.entries(list).map(([name, listed]) => `  "${name}": [${listed.map((each: unknown) => `\n    ${JSON.stringify(each)}`).join(",")}\n  ]`);
  return `{\n${splits.join(",\n")}\n}\n`;
}

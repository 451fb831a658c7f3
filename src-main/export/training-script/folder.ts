/** A run's training as Python: train.py, with the weights that it starts from and its teacher's, for several processes or machines. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { InputError, UsageError } from "../../contract/failure";
import type { ResolvedRecipe } from "../../contract/recipe";
import { writeWhole } from "../../disk/write-whole";
import { writeSafetensors } from "../../models/safetensors";
import { holdsRun, readHeader } from "../../runs/header";
import type { TrainedRun } from "../../runs/trained";
import { fittedTo } from "../../training/classes";
import { loadNetwork, type Network } from "../../training/network";
import { createStudent } from "../../training/student";
import type { Writer } from "../exported";
import { stateDict } from "../state-dict";
import { timmModel } from "../timm/architectures";
import ownModels from "../timm/distill_models.py?raw";
import { unsupportedIn } from "./supported";
import script from "./train.py?raw";

/** Stands in train.py where the recipe belongs, as a literal that Python reads as JSON does. */
const PLACE = '"SETTINGS OF THE RECIPE"';

export const writeTrainingScript: Writer = async ({ run }, out) => {
  if (!run) throw new UsageError("a training script repeats a run: name the run, not a file of weights");
  const { recipe, classes, seed, normalization } = run.header;
  const unsupported = unsupportedIn(recipe);
  if (unsupported.length > 0) throw new InputError([`${run.directory} cannot be trained by the script: ${unsupported.join("; ")}`]);
  mkdirSync(out);
  const student = createStudent({ ...recipe.student, ...normalization?.student }, classes, seed);
  const networks = { student: written(student, join(out, "start.safetensors")), teacher: teacherOf(recipe, classes, join(out, "teacher.safetensors")) };
  const settings = { recipe, arms: armsOf(run), classes, networks };
  writeWhole(
    join(out, "train.py"),
    script.replace(PLACE, () => JSON.stringify(JSON.stringify(settings))),
  );
  if (networks.student.own || networks.teacher?.own) writeWhole(join(out, "distill_models.py"), ownModels);
  const notes = ["python train.py --help, in the folder, says how it is started; it needs PyTorch, timm and safetensors, and a copy of the images"];
  if (recipe.train.precision === "bf16") notes.push("the script trains in fp32, the run in bf16");
  return { notes, warnings: [] };
};

interface Described {
  architecture: string;
  args: object;
  /** Whether it is in distill_models.py. */
  own: boolean;
  mean: readonly number[];
  std: readonly number[];
}

/** Writes a network's weights, and releases it. */
function written({ model, normalization: { mean, std } }: Network, path: string): Described {
  const { architecture, args, isOwn } = timmModel(model.name, model.sizes);
  writeSafetensors(path, stateDict(model), { format: "pt" });
  model.release();
  return { architecture, args, own: isOwn, mean, std };
}

function teacherOf({ teacher, distillation }: ResolvedRecipe, classes: readonly string[], path: string): Described | null {
  if (!teacher || !distillation) return null;
  return written(fittedTo(loadNetwork(teacher), classes, `the teacher (${teacher.weights})`), path);
}

/** The recipe of each arm by its name: of a comparison's student, also the control's. */
function armsOf({ directory, header }: TrainedRun): Record<string, ResolvedRecipe> {
  const control = join(dirname(directory), "control");
  const hasControl = header.arm === "student" && holdsRun(control);
  return { ...(hasControl && { control: readHeader(control).recipe }), [header.arm]: header.recipe };
}

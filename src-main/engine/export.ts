/** Writes a trained network in a format that other programs read. */
import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Methods } from "../contract/engine";
import { type ExportResult, exportFormatNamed } from "../contract/exports";
import { InputError, UsageError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import { naming } from "../disk/open-file";
import { anewInTime, insteadOfInTime } from "../disk/write-beside";
import type { Exported } from "../export/exported";
import { writers } from "../export/writers";
import { figuresBeside, readFigures } from "../runs/teacher";
import { trainedRun } from "../runs/trained";
import { loadNetwork, weightsPath } from "../training/network";
import { fetchNamed } from "./hub";
import { withModel } from "./named-model";
import { numbered, warnOf } from "./predict";

type Request = Methods["exportModel"]["params"];

/** What `exportModel` of the contract promises. `yieldPoint` is awaited between steps, and may end it by an error, until what was written is in its place. */
export async function exportModel(
  request: Request,
  yieldPoint: () => Promise<void>,
  notify: (notice: NoticeBody) => void,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const { format, options = {}, out, replaces } = request;
  const putInTime = replaces ? insteadOfInTime : anewInTime;
  expectPlace(request);
  expectOptions(request);
  const exported = await exportedOf(request, notify, signal);
  try {
    const {
      notes,
      warnings,
      testAccuracy: measured,
    } = await putInTime(out, async (path) => {
      const said = await writers[format](exported, path, options, { notify, yieldPoint });
      await yieldPoint();
      return said;
    });
    for (const text of notes) notify({ type: "note", text });
    for (const text of warnings) notify({ type: "warning", text });
    const { network, file, run } = exported;
    const ofRun = exportFormatNamed(format).isUntrained ? null : (run?.testAccuracy ?? null);
    const testAccuracy = measured === undefined ? ofRun : measured;
    return { path: out, bytes: bytesIn(out), model: network.model.name, weights: file, testAccuracy };
  } finally {
    exported.network.model.release();
  }
}

/** Before anything is loaded. */
function expectPlace({ format, out, replaces }: Request): void {
  const { ending } = exportFormatNamed(format);
  if (ending !== null && !out.toLowerCase().endsWith(ending))
    throw new UsageError(`${out}: as ${format} a file is written whose name ends with ${ending}; choose such a name`);
  if (existsSync(dirname(out)) && !statSync(dirname(out)).isDirectory())
    throw new InputError(`${out} cannot be written: ${dirname(out)} is a file; choose another place`);
  if (!existsSync(dirname(out))) throw new InputError(`${out} cannot be written: the folder ${dirname(out)} does not exist; make it first, or choose another`);
  const there = naming(out, "written", () => lstatSync(out, { throwIfNoEntry: false }));
  if (there && !(replaces && there.isFile() && ending !== null))
    throw new InputError(`${out}: already exists, and nothing is overwritten; choose another name`);
}

function expectOptions({ format, source, options = {} }: Request): void {
  const known: readonly string[] = exportFormatNamed(format).options;
  const foreign = Object.keys(options).find((name) => !known.includes(name));
  if (exportFormatNamed(format).isUntrained && "run" in source && source.weightsOf !== undefined)
    throw new UsageError(`${format} takes no --weights-of: it has the weights that the run began with`);
  if (foreign === undefined) return;
  throw new UsageError(`${format} takes no ${flagOf(foreign)}: ${known.length > 0 ? `its options are ${known.map(flagOf).join(", ")}` : "it has no options"}`);
}

const flagOf = (option: string) => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

async function exportedOf({ source: asked, format }: Request, notify: (notice: NoticeBody) => void, signal?: AbortSignal): Promise<Exported> {
  const source = "run" in asked ? (teacherIn(asked) ?? asked) : asked;
  if ("weights" in source) {
    const fetched = await fetchNamed([source.weights], notify, signal);
    for (const text of fetched.notes) notify({ type: "note", text });
    const file = fetched(source.weights);
    const { model } = withModel({ model: source.model ?? null, weights: source.weights }, file, notify);
    return loaded({ model, weights: file, file: weightsPath({ model, weights: file }), run: null, made: figuresBeside(file) }, notify);
  }
  const run = trainedRun(source.run, source);
  if (run.damage !== null) notify({ type: "warning", text: run.damage });
  if (run.others.length > 0 && source.weightsOf === undefined && !exportFormatNamed(format).isUntrained)
    notify({
      type: "note",
      text: `the weights of the last epoch are exported; ${run.directory} also has others, which --weights-of ${run.others.join(" or ")} exports`,
    });
  const { student } = run.header.recipe;
  const sizes = { imageSize: student.imageSize, patchSize: student.patchSize ?? undefined };
  return loaded({ model: student.model, weights: run.file, ...sizes, ...run.header.normalization?.student, file: run.file, run, made: null }, notify);
}

/** The weights of a teacher that `train-teacher --data` made; null where the folder holds none. */
function teacherIn({ run, seed, weightsOf }: Extract<Request["source"], { run: string }>): { weights: string; model: string } | null {
  const teacher = readFigures(run)?.teacher;
  if (!teacher) return null;
  if (seed !== undefined || weightsOf !== undefined)
    throw new UsageError(`${run} holds a teacher, which has one file of weights: leave --seed and --weights-of out`);
  return { weights: teacher.weights, model: teacher.model };
}

function loaded(
  { file, run, made, ...options }: Parameters<typeof loadNetwork>[0] & Pick<Exported, "file" | "run" | "made">,
  notify: (notice: NoticeBody) => void,
): Exported {
  const network = loadNetwork(options);
  warnOf(network, notify);
  return { network, classes: network.classes ?? run?.header.classes ?? numbered(network.model.classes), file, run, made };
}

function bytesIn(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

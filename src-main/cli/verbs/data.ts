import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Concern } from "../../contract/concerns";
import { type DataFormat, type DownloadName, downloadNames, downloads } from "../../contract/data-formats";
import type { DataInfo } from "../../contract/data-info";
import { type DataSettings, dataSettingNames, dataSettingsOf } from "../../contract/engine";
import { UsageError } from "../../contract/failure";
import { textOfValue } from "../../contract/setting";
import { visible } from "../../contract/visible";
import { EngineError } from "../../engine-client/client";
import { shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { completeRecipe } from "../recipe-file";
import { shellWords } from "../shell-words";
import { addVerb, type Perform } from "../verb";
import { megabytes, table } from "../words";
import type { World } from "../world";
import { addFormatOption, dataPath } from "./evaluate";

export function addData(program: Command, perform: Perform): void {
  const data = program.command("data").description("describe data sets, download CIFAR-10 or CIFAR-100");
  addInfo(data, perform);
  addDownload(data, perform);
}

function addInfo(data: Command, perform: Perform): void {
  const verb = addVerb(data, "info", "show classes and image counts of a data set", "data info photos");
  const settings = new Option("--set <key=value>", "as a recipe with this value takes them, as in data.skipCopies=true; may be repeated");
  settings.argParser((value, before: string[]) => [...before, value]).default([], "as they are");
  addFormatOption(verb.argument("<dir>", 'a folder, or "bundled"').addOption(settings)).action((directory: string, { format, set }: InfoOptions) =>
    perform(async (session) => {
      const { cwd } = session.world;
      const path = dataPath(directory, cwd);
      const request = { path, format, thumbnailsPerClass: 0, ...(set.length > 0 && { settings: settingsIn(set, path, cwd) }) };
      const { thumbnails: _, concerns, ...rest } = await session.call("dataInfo", request);
      const info = { ...rest, concerns: concerns.map(withoutPictures) };
      return { json: info, text: infoText(info) };
    }),
  );
}

interface InfoOptions {
  format: DataFormat;
  set: string[];
}

/** Of a recipe's data with these assignments. Throws a UsageError for one that chooses no images. */
function settingsIn(assignments: readonly string[], path: string, cwd: string): DataSettings {
  const keys = dataSettingNames.map((name) => `data.${name}`);
  const other = assignments.find((assignment) => !keys.includes(assignment.split("=")[0]!));
  if (other !== undefined) throw new UsageError(`--set ${other}: data info takes what chooses among the images: ${keys.join(", ")}`);
  return dataSettingsOf(completeRecipe({ data: { path }, student: { model: ANY_MODEL } }, assignments, cwd).data);
}

/** A recipe has to name one. */
const ANY_MODEL = "resnet8_cifar10";

type ShownConcern = Omit<Concern, "examples"> & { examples: string[][] };

const withoutPictures = ({ examples, ...concern }: Concern): ShownConcern => ({ ...concern, examples: examples.map(({ names }) => names) });

function addDownload(data: Command, perform: Perform): void {
  const names = downloadNames.join(" or ");
  const verb = addVerb(
    data,
    "download",
    "download CIFAR-10 or CIFAR-100 (170 MB each) and verify it; an interrupted download continues where it stopped, and HTTPS_PROXY is heeded",
    "data download cifar10",
  );
  verb
    .argument("<set>", `${names}; the path of a folder alone stands for CIFAR-10 in it`)
    .argument("[dir]", "folder to save it in (default: cifar-10 or cifar-100 in the current one)")
    .option("--url <address>", "address of the archive (default: the official one)")
    .action((set: string, directory: string | undefined, { url }: { url?: string }) =>
      perform(async (session) => {
        const { world } = session;
        const asked = downloadOf(set, directory, world);
        const folder = absolutePath(asked.directory, world.cwd);
        session.say(`${downloads[asked.name].title}, ${megabytes(downloads[asked.name].bytes)}, to ${shownPath(world, folder)}`);
        const params = { name: asked.name, directory: folder };
        const result = await resumable(url === undefined ? session.call("dataDownload", params) : session.call("dataDownloadFrom", { ...params, url }));
        return { json: result, text: `Data: ${shownPath(world, result.path)}` };
      }),
    );
}

/** If it is interrupted, says that nothing is lost. */
async function resumable<R>(download: Promise<R>): Promise<R> {
  try {
    return await download;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "INTERRUPTED") throw error;
    throw new EngineError({ code: "INTERRUPTED", message: "stopped; what has come is kept, and the same command goes on from there" });
  }
}

/** The set by its name, with or without a hyphen; its own folder by default. A word that is no folder yet is taken for a set, as it may be a misspelled one. */
function downloadOf(set: string, directory: string | undefined, { cwd, program }: World): { name: DownloadName; directory: string } {
  const name = downloadNames.find((each) => each === set.toLowerCase().replace("-", ""));
  if (name) return { name, directory: directory ?? downloads[name].title.toLowerCase() };
  const isPath = /[\\/]/.test(set) || existsSync(absolutePath(set, cwd));
  if (directory === undefined && isPath) return { name: "cifar10", directory: set };
  const into = directory === undefined ? `; for CIFAR-10 in a new folder of this name: ${shellWords([...program, "data", "download", "cifar10", set])}` : "";
  throw new UsageError(`there is no data set "${set}" to download: expected ${downloadNames.join(" or ")}${into}`);
}

/** So many of the files that are left out are listed. */
const LISTED = 20;

type ShownInfo = Omit<DataInfo, "thumbnails" | "concerns"> & { concerns: ShownConcern[] };

function infoText({ path, format, layout, classes, train, validation, test, imageSize, leftOut, concerns, warnings, notes }: ShownInfo): string {
  const size = imageSize ? `${imageSize.width} x ${imageSize.height} pixels` : "sizes differ";
  const splits = [{ name: "train", ...train }, ...(validation ? [{ name: "validation", ...validation }] : []), { name: "test", ...test }];
  const rows = classes.map((name, label) => [name, ...splits.map(({ perClass }) => String(perClass[label]))]);
  const counts = table([["class", ...splits.map(({ name }) => name)], ...rows, ["all", ...splits.map(({ count }) => String(count))]]);
  const helps = (text: string) => concerns.flatMap((concern) => (concern.text === text ? remedyInWords(concern) : []));
  const said = [...warnings.flatMap((warning) => [`warning: ${warning}`, ...helps(warning)]), ...notes.flatMap((note) => [note, ...helps(note)])];
  const more = leftOut.length > LISTED ? [`and ${leftOut.length - LISTED} more, which --json lists`] : [];
  const files = leftOut.length === 0 ? [] : ["", "left out:", ...leftOut.slice(0, LISTED).map(({ path, reason }) => `${path}: ${reason}`), ...more];
  return [visible(`${path}: ${format}, ${size}`), `layout: ${visible(layout)}`, "", counts, ...[...said, ...files].map(visible)].join("\n");
}

/** "  to leave out the copies: --set data.skipCopies=true" */
function remedyInWords({ remedy, settled }: ShownConcern): string[] {
  if (!remedy) return [];
  const flags = Object.entries(remedy.settings).map(([key, value]) => `--set ${key}=${textOfValue(value)}`);
  return [`  to ${settled ? "undo this" : remedy.words.charAt(0).toLowerCase() + remedy.words.slice(1)}: ${flags.join(" ")}`];
}

import type { Command } from "commander";
import { type DataFormat, type DownloadName, downloadNames, downloads } from "../../contract/data-formats";
import type { DataInfo } from "../../contract/engine";
import { UsageError } from "../../contract/failure";
import { visible } from "../../contract/visible";
import { EngineError } from "../../engine-client/client";
import { shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { addVerb, type Perform } from "../verb";
import { megabytes, table } from "../words";
import { addFormatOption, dataPath } from "./evaluate";

export function addData(program: Command, perform: Perform): void {
  const data = program.command("data").description("describe data sets, download CIFAR-10 or CIFAR-100");
  addInfo(data, perform);
  addDownload(data, perform);
}

function addInfo(data: Command, perform: Perform): void {
  const verb = addVerb(data, "info", "show classes and image counts of a data set", "data info photos");
  addFormatOption(verb.argument("<dir>", 'a folder, or "bundled"')).action((directory: string, { format }: { format: DataFormat }) =>
    perform(async (session) => {
      const request = { path: dataPath(directory, session.world.cwd), format, thumbnailsPerClass: 0 };
      const { thumbnails: _, ...info } = await session.call("dataInfo", request);
      return { json: info, text: infoText(info) };
    }),
  );
}

function addDownload(data: Command, perform: Perform): void {
  const names = downloadNames.join(" or ");
  const verb = addVerb(
    data,
    "download",
    "download CIFAR-10 or CIFAR-100 (170 MB each) and verify it; an interrupted download continues where it stopped, and HTTPS_PROXY is heeded",
    "data download cifar10",
  );
  verb
    .argument("<set>", `${names}; a folder alone stands for CIFAR-10 in it`)
    .argument("[dir]", "folder to save it in (default: cifar-10 or cifar-100 in the current one)")
    .option("--url <address>", "address of the archive (default: the official one)")
    .action((set: string, directory: string | undefined, { url }: { url?: string }) =>
      perform(async (session) => {
        const { world } = session;
        const asked = downloadOf(set, directory);
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

/** The set by its name, with or without a hyphen; its own folder by default. */
function downloadOf(set: string, directory: string | undefined): { name: DownloadName; directory: string } {
  const name = downloadNames.find((each) => each === set.toLowerCase().replace("-", ""));
  if (name) return { name, directory: directory ?? downloads[name].title.toLowerCase() };
  if (directory === undefined) return { name: "cifar10", directory: set };
  throw new UsageError(`there is no data set "${set}" to download: expected ${downloadNames.join(" or ")}`);
}

/** So many of the files that are left out are listed. */
const LISTED = 20;

function infoText({ path, format, classes, train, validation, test, imageSize, leftOut, warnings, notes }: Omit<DataInfo, "thumbnails">): string {
  const size = imageSize ? `${imageSize.width} x ${imageSize.height} pixels` : "sizes differ";
  const splits = [{ name: "train", ...train }, ...(validation ? [{ name: "validation", ...validation }] : []), { name: "test", ...test }];
  const rows = classes.map((name, label) => [name, ...splits.map(({ perClass }) => String(perClass[label]))]);
  const counts = table([["class", ...splits.map(({ name }) => name)], ...rows, ["all", ...splits.map(({ count }) => String(count))]]);
  const said = [...warnings.map((warning) => `warning: ${warning}`), ...notes];
  const more = leftOut.length > LISTED ? [`and ${leftOut.length - LISTED} more, which --json lists`] : [];
  const files = leftOut.length === 0 ? [] : ["", "left out:", ...leftOut.slice(0, LISTED).map(({ path, reason }) => `${path}: ${reason}`), ...more];
  return [visible(`${path}: ${format}, ${size}`), "", counts, ...[...said, ...files].map(visible)].join("\n");
}

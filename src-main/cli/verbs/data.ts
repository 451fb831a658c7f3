import path from "node:path";
import type { Command } from "commander";
import type { DataFormat } from "../../contract/data-formats";
import type { DataInfo } from "../../contract/engine";
import { visible } from "../../contract/visible";
import { shownPath } from "../out-folder";
import { addVerb, type Perform } from "../verb";
import { table } from "../words";
import { addFormatOption, dataPath } from "./evaluate";

export function addData(program: Command, perform: Perform): void {
  const data = program.command("data").description("describe data sets, download CIFAR-10");
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
  const verb = addVerb(
    data,
    "download",
    "download CIFAR-10 (170 MB) and verify it; an interrupted download continues where it stopped",
    "data download cifar-10",
  );
  verb
    .argument("<dir>", "folder to save it in")
    .option("--url <address>", "address of the archive (default: the official one)")
    .action((directory: string, { url }: { url?: string }) =>
      perform(async (session) => {
        const { world } = session;
        const folder = path.resolve(world.cwd, directory);
        const result = await (url === undefined
          ? session.call("dataDownload", { directory: folder })
          : session.call("dataDownloadFrom", { directory: folder, url }));
        return { json: result, text: `Data: ${shownPath(world, result.path)}` };
      }),
    );
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

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

function infoText({ path, format, classes, train, test, imageSize, warnings }: Omit<DataInfo, "thumbnails">): string {
  const size = imageSize ? `${imageSize.width} x ${imageSize.height} pixels` : "sizes differ";
  const rows = classes.map((name, label) => [name, String(train.perClass[label]), String(test.perClass[label])]);
  const counts = table([["class", "train", "test"], ...rows, ["all", String(train.count), String(test.count)]]);
  return [visible(`${path}: ${format}, ${size}`), "", counts, ...warnings.map((warning) => visible(`warning: ${warning}`))].join("\n");
}

import path from "node:path";
import type { Command } from "commander";
import { type DataFormat, dataFormatChoices } from "../../contract/data-formats";
import { likeSetting } from "../flags";
import { addVerb, type Perform } from "../verb";
import { percent, table } from "../words";
import { addNetworkOptions, type NetworkOptions, networkRequest } from "./predict";

export function addFormatOption(verb: Command): Command {
  const names = dataFormatChoices.map(({ value }) => value);
  const help = `how the images are stored: ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  return verb.option("--format <name>", help, likeSetting<DataFormat>("data.format"), "auto");
}

/** A data folder as the engine expects it. A relative path starts from the current folder. */
export function dataPath(data: string, cwd: string): string {
  return data === "bundled" ? data : path.resolve(cwd, data);
}

export function addEvaluate(program: Command, perform: Perform): void {
  const example = "evaluate --model resnet18_cifar10 --weights bundled --data bundled";
  const verb = addVerb(program, "evaluate", "measure accuracy on the test images of a data set", example);
  addFormatOption(addNetworkOptions(verb).requiredOption("--data <dir>", 'a folder, or "bundled"')).action(
    (options: NetworkOptions & { data: string; format: DataFormat }) =>
      perform(async (session) => {
        const { cwd } = session.world;
        const result = await session.call("evaluate", { ...networkRequest(options, cwd), data: dataPath(options.data, cwd), format: options.format });
        const summary = table([
          ["accuracy", percent(result.accuracy)],
          ["loss", result.loss.toFixed(4)],
          ["images", String(result.images)],
          ["images/s", String(Math.round(result.imagesPerSecond))],
        ]);
        const classes = table([["class", "images", "accuracy"], ...result.perClass.map((each) => [each.name, String(each.count), percent(each.accuracy)])]);
        return { json: result, text: `${summary}\n\n${classes}` };
      }),
  );
}

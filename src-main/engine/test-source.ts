/** Which images of a folder test networks. */
import { existsSync } from "node:fs";
import type { EvaluateRequest } from "../contract/engine";
import { InputError, UsageError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import type { DataSource } from "../contract/recipe";
import type { TestSource } from "../data/open-dataset";
import { isUndivided, someOf } from "../data/undivided";
import type { Origin } from "../models/origin";

/** A run, and its data. */
export interface RunData {
  directory: string;
  data: DataSource;
}

interface Asked {
  name: string;
  network: { origin: Origin | null };
}

type Notify = (notice: NoticeBody) => void;

/**
 * The data of the run, or else of the folder that is asked for its test images. A folder without a split has those that are asked for; or, where networks were
 * fitted to images in it, those that their weights say were held back; or all. What is assumed is said.
 */
export async function testSourceOf(request: EvaluateRequest, run: RunData | null, networks: readonly Asked[], notify: Notify): Promise<TestSource> {
  const { data, format, skipUnreadable = false, settings = {} } = request;
  if (data === null) return ofRun(request, run);
  const source = { path: data, format, trainLimit: null, testLimit: null, skipUnreadable, ...settings };
  const given = (["testShare", "splitSeed"] as const).flatMap((key) => (settings[key] === undefined ? [] : [`data.${key}`]));
  const undivided = await isUndivided(data, format);
  if (given.length > 0 && !undivided)
    notify({ type: "note", text: `${given.join(" and ")} ${given.length > 1 ? "have" : "has"} no effect: ${data} has test images of its own` });
  if (given.length > 0 || !undivided) return { ...source, isWhole: given.length === 0 };
  for (const { name, network } of networks) {
    const { fitted, drawn } = network.origin ?? {};
    if (!fitted || !drawn || !(await someOf(data, format, (print) => fitted.has(print)))) continue;
    notify({ type: "note", text: `${name} was fitted to images in this folder, so those are tested that its weights say were held back` });
    return { ...source, ...drawn, isWhole: false };
  }
  if (run && networks.every(({ network }) => network.origin === null)) notify({ type: "note", text: hintOf(run) });
  return { ...source, isWhole: true };
}

function ofRun({ skipUnreadable = false, settings }: EvaluateRequest, run: RunData | null): TestSource {
  if (!run) throw new UsageError("evaluate: expected a folder of images");
  const { directory, data } = run;
  if (data.path !== "bundled" && !existsSync(data.path))
    throw new InputError(`${data.path}, the data of ${directory}, does not exist: if it was moved, name the folder where it is now with --data`);
  return { ...data, ...settings, isWhole: false, skipUnreadable: skipUnreadable || data.skipUnreadable };
}

/** Weights of earlier versions do not say which images were held back. */
const hintOf = ({ directory, data: { testShare, splitSeed } }: RunData): string =>
  `if these are the data of ${directory}, most of them trained it: --set data.testShare=${testShare} --set data.splitSeed=${splitSeed} tests those that were held back`;

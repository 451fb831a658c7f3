/** Weights that a call names on the Hugging Face hub, as files. Nothing is asked of the hub unless a path begins with hf:. */

import { InputError } from "../contract/failure";
import { imageSizeOf, modelGroups, modelNames } from "../contract/families";
import { isHubPath, parseHubPath } from "../contract/hub-path";
import { parseJson } from "../contract/json";
import type { NoticeBody } from "../contract/notices";
import { cachedWeights, fetchWeights } from "../hub/fetch-weights";
import { describeWeights } from "../models/weights";
import { modelOf } from "../training/backbone";

const TOLD_EVERY_MS = 500;

/** Downloads what is not in the cache, and says where each comes from. Returns the path of each file; other paths stay as they are. */
export async function fetchNamed(
  paths: readonly (string | null)[],
  notify: (notice: NoticeBody) => void,
  signal?: AbortSignal,
): Promise<{ (path: string): string; notes: readonly string[] }> {
  const files = new Map<string, string>();
  const notes: string[] = [];
  for (const hubPath of new Set(paths.filter((path): path is string => path !== null && isHubPath(path)))) {
    const { path, note } = await fetchWeights(hubPath, { signal, onProgress: progressOf(hubPath, notify), onRetry: (text) => notify({ type: "phase", text }) });
    files.set(hubPath, path);
    notes.push(note);
  }
  return Object.assign((path: string) => files.get(path) ?? path, { notes });
}

/** The file of weights that were downloaded before; other paths stay as they are. Asks nobody. */
export const withoutAsking = (path: string): string => (isHubPath(path) ? cachedWeights(path).path : path);

/** What `weightsDownload` of the contract promises. */
export async function downloadNamed(
  hubPath: string,
  notify: (notice: NoticeBody) => void,
  signal: AbortSignal,
): Promise<{ weights: string; model: string; imageSize: number }> {
  const { path, exact, note } = await fetchWeights(hubPath, {
    signal,
    onConfig: (config) => expectOurs(hubPath, config),
    onProgress: ({ received, total, secondsLeft }) => notify({ type: "download", received, total: total ?? 0, secondsLeft }),
    onRetry: (text) => notify({ type: "note", text }),
  });
  notify({ type: "note", text: note });
  const { model } = modelOf(path, hubPath);
  return { weights: exact, model, imageSize: describeWeights(path, model).imageSize ?? imageSizeOf(model) };
}

/** Throws an InputError if neither config.json nor the repository's name says that its weights are of a model of this program. Without config.json, the file may say it. */
function expectOurs(hubPath: string, config: string | null): void {
  const { repository } = parseHubPath(hubPath);
  const name = repository.split("/")[1]!.split(/[.@-]/)[0]!;
  if (config === null || modelNames.includes(name)) return;
  const { architecture, architectures, model_type } = saidIn(config);
  const said = [architecture, ...(Array.isArray(architectures) ? architectures : [architectures]), model_type].find((each) => typeof each === "string");
  if (typeof architecture === "string" && modelNames.includes(architecture)) return;
  throw new InputError(
    `${hubPath} holds ${said === undefined ? "no model that this program knows" : `a model of the kind “${String(said).slice(0, 100)}”, which this program does not have`}; nothing was downloaded. ` +
      `Expected one of the families ${modelGroups.map(({ label }) => label).join(", ")}, as in hf:timm/resnet18.a1_in1k`,
  );
}

function saidIn(config: string): Partial<Record<"architecture" | "architectures" | "model_type", unknown>> {
  try {
    return Object(parseJson(config));
  } catch {
    return {};
  }
}

function progressOf(hubPath: string, notify: (notice: NoticeBody) => void) {
  let told = 0;
  return ({ received, total }: { received: number; total: number | null }) => {
    if (performance.now() - told < TOLD_EVERY_MS) return;
    told = performance.now();
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    notify({ type: "phase", text: `Downloading ${hubPath}: ${megabytes(received)} ${total === null ? "" : `of ${megabytes(total)} `}MB` });
  };
}

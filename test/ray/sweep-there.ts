/** A sweep that a pretended cluster trains, and the jobs that do. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { PlannedMember } from "../../src-main/contract/engine";
import type { NoticeBody } from "../../src-main/contract/notices";
import { presetOf } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";
import { Experiment } from "../../src-main/ray/experiment";
import { RayHead } from "../../src-main/ray/head";
import type { Training } from "../../src-main/ray/member-training";
import { MARK, ORDER } from "../../src-main/ray/messages";
import { trainThere } from "../../src-main/ray/train";
import type { FakeHead, FakeOptions } from "./fake-head";

export const recipe: Recipe = { ...presetOf("demo").recipe, data: { ...presetOf("demo").recipe.data, path: "/home/me/pictures" } };
const progress = { done: 1, total: 4, imagesPerSecond: 100, secondsLeft: 3 };
const record = { epoch: 1, iter: 1, loss: 2, parts: { ce: 2 }, trainAcc: 0.5, lr: 0.1, imagesPerSecond: 100, chain: null };
export const line = (message: object) => `${MARK}${JSON.stringify({ time: "2026-11-29T20:00:00.000Z", ...message })}\n`;
export const batch = line({ type: "batches", arm: "control", records: [record], progress });

/** A run's files, as its job puts them into the log folder and tells of them. */
export function leave(head: FakeHead, id: string, files: Record<string, string>): string {
  const folder = `distill/${id}`;
  for (const [path, text] of Object.entries(files)) head.files.set(`${folder}/${path}`, Buffer.from(text));
  const sent = Object.entries(files).map(([path, text]) => ({ path, size: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") }));
  return `${MARK}${JSON.stringify({ type: "files", folder, files: sent })}\n`;
}

export const isMember = (head: FakeHead, id: string) => ORDER in (head.jobs.get(id)!.submission.runtime_env?.env_vars ?? {});
export const FILES = {
  "control/recipe.json": JSON.stringify({ schema: 1, recipe: { data: { path: "/tmp/ray/pictures" }, teacher: null } }),
  "control/student.safetensors": "weights",
};
/** A job that trains one batch and leaves its run. Those that delete files end at once. */
export const wellBehaved: NonNullable<FakeOptions["onSubmit"]> = (id, head) => {
  if (isMember(head, id)) head.print(id, `Running entrypoint\n${batch}${leave(head, id, FILES)}`);
  head.end(id, "SUCCEEDED");
};

export interface Trained {
  shown: NoticeBody[];
  failed: Awaited<ReturnType<typeof trainThere>>;
}

const plannedIn = (out: string, seeds: number): PlannedMember[] =>
  Array.from({ length: seeds }, (_, i) => ({ recipe, directory: join(out, `seed-${i}`), isFinished: false, name: `seed ${i}`, words: `seed ${i}` }));

/** `seeds`: of a sweep that is begun, or was, in the folder `out`; `more`: other than a sweep that is followed to its end. */
export async function trainOn(
  { fake, out }: { fake: FakeHead; out: string },
  more: Partial<Training> = {},
  seeds = 2,
  show: (notice: NoticeBody) => void = () => {},
): Promise<Trained> {
  const planned = plannedIn(out, seeds);
  const settings = { head: fake.url.origin, storage: null, dataThere: null, node: "pip", processors: 2, gpus: 0 };
  const experiment = Experiment.isIn(out) ? Experiment.open(out) : Experiment.begin(out, settings, planned);
  const shown: NoticeBody[] = [];
  const failed = await trainThere({
    head: new RayHead(fake.url, null),
    experiment,
    planned,
    verb: "compare",
    packed: async () => ({ name: "_ray_pkg_x.zip", bytes: 1, entries: [], places: new Map([["/home/me/pictures", "input/0/pictures"]]) }),
    restart: true,
    detach: false,
    stop: new AbortController().signal,
    leave: new AbortController().signal,
    ...more,
    show: (notice) => {
      shown.push(notice);
      show(notice);
    },
  });
  return { shown, failed };
}

/** Of each seed, whether all of it is in the folder. */
export const fetchedIn = (out: string) => Experiment.open(out).members.map((member) => member.fetched);

/** What goes with --on: the options of verbs whose trainings a Ray cluster can take. */
import { posix } from "node:path";
import { type Command, Option } from "commander";
import { UsageError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import { MOST_THREADS } from "../contract/threads";
import { headAddress } from "../ray/address";
import { type ClusterNode, processorsEach } from "../ray/cluster";
import { remoteData } from "../ray/data-there";
import type { Settings } from "../ray/experiment";
import { numberUpTo, wholeNumber } from "./flags";

export interface ClusterOptions {
  on?: string;
  attach?: true;
  detach?: true;
  jobProcessors?: number;
  jobGpus?: number;
  storage?: string;
  dataThere?: string;
  jobNode?: string;
}

/** What goes with --on alone. */
const ONLY_THERE = {
  attach: "attach",
  detach: "detach",
  jobProcessors: "job-processors",
  jobGpus: "job-gpus",
  storage: "storage",
  dataThere: "data-there",
  jobNode: "job-node",
} as const;

export function addClusterOptions(verb: Command): Command {
  return verb
    .option("--on <address>", "train on a Ray cluster, all at once: the address of its head, as in ray://head.example:8265; a token comes from RAY_AUTH_TOKEN")
    .option("--detach", "with --on: submit the jobs and leave them alone; --attach follows them later")
    .option(
      "--attach",
      "with --on: follow the jobs of the run in --out, and fetch what has ended; --resume also submits those again that failed or were stopped",
    )
    .option("--job-processors <count>", "with --on: processors of each job (default: the cluster's, shared out)", wholeNumber(1, MOST_THREADS))
    .option(
      "--job-gpus <share>",
      'with --on and device "cuda": GPUs of each job, which uses one at most; 0.5 lets two jobs share one (default: 1)',
      numberUpTo(1),
    )
    .option(
      "--storage <dir>",
      "with --on: a folder that all nodes see, where jobs keep their runs, and go on from their checkpoints (default: each node's own disk)",
    )
    .option(
      "--data-there <dir or url>",
      "with --on: a folder with the data that all nodes see, or the address of an archive (.zip, .tar, .tar.gz) that each node downloads once, as in https://host/pictures.zip#sha256=... (default: the data are sent, up to 500 MB)",
    )
    .addOption(
      new Option(
        "--job-node <how>",
        "with --on: where jobs find Node: pip (from PyPI), ship (this computer's is sent, 64 MB), or a path on the cluster (default: pip)",
      ),
    );
}

/** Throws a UsageError for options without --on, and for those that do not go together. */
export function checkClusterOptions(options: ClusterOptions & { set: readonly string[]; resume?: true; tensorboard?: true; mlflow?: string | true }): void {
  const given = (Object.keys(ONLY_THERE) as (keyof typeof ONLY_THERE)[]).find((name) => options[name] !== undefined);
  if (options.on === undefined && given) throw new UsageError(`--${ONLY_THERE[given]} goes with --on, the address of a cluster`);
  if (options.on === undefined) return;
  if (options.attach && options.set.length > 0) throw new UsageError("--set does not go with --attach: the jobs have their recipe");
  if (options.attach && (options.resume || options.detach)) throw new UsageError(`--attach does not go with --${options.resume ? "resume" : "detach"}`);
  if (options.tensorboard) throw new UsageError("--tensorboard does not go with --on: write the event files afterwards, with report --format tensorboard");
  if (options.mlflow) throw new UsageError("--mlflow does not go with --on: send the runs afterwards, with report --format mlflow");
  if (options.dataThere !== undefined && !remoteData(options.dataThere)) expectOnNodes("data-there", options.dataThere);
  if (options.storage !== undefined) expectOnNodes("storage", options.storage);
  if (options.jobNode !== undefined && !["pip", "ship"].includes(options.jobNode)) expectOnNodes("job-node", options.jobNode);
  const again = options.attach ? "attach" : options.resume ? "resume" : null;
  const kept = (["jobProcessors", "jobGpus", "storage", "jobNode", ...(options.attach ? ["dataThere" as const] : [])] as const).find(
    (name) => options[name] !== undefined,
  );
  if (again && kept) throw new UsageError(`--${ONLY_THERE[kept]} does not go with --${again}: it stays as it was`);
}

/** A path from the current folder of this computer says nothing there. */
function expectOnNodes(flag: string, path: string): void {
  if (!posix.isAbsolute(path)) throw new UsageError(`--${flag} ${path}: expected a path on the cluster's nodes that begins with /`);
}

/** Throws a UsageError where options and recipe contradict each other. */
export function checkClusterRecipe({ jobGpus, dataThere }: ClusterOptions, { device, data }: Recipe): void {
  if (jobGpus !== undefined && device !== "cuda")
    throw new UsageError(`--job-gpus: the recipe's device is "${device}", which trains on processors: add --set device=cuda`);
  if (dataThere !== undefined && data.path === "bundled")
    throw new UsageError(
      "--data-there has no effect: the recipe trains on the bundled images, which are sent with the program; name your data with --set data.path=DIR",
    );
}

/** Of jobs that are begun now. */
export function settingsOf(
  { on, storage, dataThere, jobNode, jobProcessors, jobGpus }: ClusterOptions,
  { device }: Recipe,
  nodes: readonly ClusterNode[],
  jobs: number,
): Settings {
  const gpus = device === "cuda" ? (jobGpus ?? 1) : 0;
  return {
    head: headAddress(on!).origin,
    storage: storage ?? null,
    dataThere: dataThere ?? null,
    node: jobNode ?? "pip",
    processors: jobProcessors ?? processorsEach(nodes, jobs, gpus),
    gpus,
  };
}

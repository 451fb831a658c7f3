/** Sweeps and searches that a Ray cluster trains: the options, and what a verb does with them. */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Methods } from "../contract/engine";
import { UsageError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import { pathsOf } from "../contract/recipe-values";
import type { RunResult } from "../contract/run";
import { MOST_THREADS } from "../contract/threads";
import { EngineError } from "../engine-client/client";
import { headAddress, tokenFrom } from "../ray/address";
import { differencesInWords } from "../ray/alike";
import { type ClusterReport, clusterReport, processorsEach } from "../ray/cluster";
import { Experiment, type Settings } from "../ray/experiment";
import { RayHead, Unreachable } from "../ray/head";
import { pack, upload } from "../ray/package";
import { type Failed, trainThere } from "../ray/train";
import { wholeNumber } from "./flags";
import { Resumable } from "./resume";
import type { Session } from "./session";
import { shellWords } from "./shell-words";
import { count, megabytes } from "./words";
import type { World } from "./world";

export interface ClusterOptions {
  on?: string;
  attach?: true;
  detach?: true;
  jobProcessors?: number;
  storage?: string;
  dataThere?: string;
  jobNode?: string;
}

/** What goes with --on alone. */
const ONLY_THERE = {
  attach: "attach",
  detach: "detach",
  jobProcessors: "job-processors",
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
      "--storage <dir>",
      "with --on: a folder that all nodes see, where jobs keep their runs, and go on from their checkpoints (default: each node's own disk)",
    )
    .option("--data-there <dir>", "with --on: where the nodes have the data (default: they are sent, up to 500 MB)")
    .addOption(
      new Option(
        "--job-node <how>",
        "with --on: where jobs find Node: pip (from PyPI), ship (this computer's is sent, 64 MB), or a path on the cluster (default: pip)",
      ),
    );
}

/** Throws a UsageError for options without --on, and for those that do not go together. */
export function checkClusterOptions(options: ClusterOptions & { resume?: true; tensorboard?: true; mlflow?: string | true }): void {
  const given = (Object.keys(ONLY_THERE) as (keyof typeof ONLY_THERE)[]).find((name) => options[name] !== undefined);
  if (options.on === undefined && given) throw new UsageError(`--${ONLY_THERE[given]} goes with --on, the address of a cluster`);
  if (options.on === undefined) return;
  if (options.attach && (options.resume || options.detach)) throw new UsageError(`--attach does not go with --${options.resume ? "resume" : "detach"}`);
  if (options.tensorboard) throw new UsageError("--tensorboard does not go with --on: write the event files afterwards, with report --format tensorboard");
  if (options.mlflow) throw new UsageError("--mlflow does not go with --on: send the runs afterwards, with report --format mlflow");
  const again = options.attach ? "attach" : options.resume ? "resume" : null;
  const kept = (["jobProcessors", "storage", "dataThere", "jobNode"] as const).find((name) => options[name] !== undefined);
  if (again && kept) throw new UsageError(`--${ONLY_THERE[kept]} does not go with --${again}: it stays as it was`);
}

export interface ThereRequest {
  kind: "compare" | "search";
  recipe: Recipe;
  out: string;
  resume: boolean;
  seeds: number;
  search?: Methods["start"]["params"]["search"];
}

/** null: the jobs were submitted, and are left alone. */
export async function trainOnCluster(session: Session, request: ThereRequest, options: ClusterOptions): Promise<RunResult | null> {
  const { world } = session;
  const { kind, recipe, out, seeds, search } = request;
  if (recipe.device === "cuda") throw new UsageError('--on: jobs train on processors: leave device "cuda" out of the recipe, or add --set device=cpu');
  const isAgain = request.resume || options.attach === true;
  const earlier = isAgain ? Experiment.open(out) : null;
  const head = new RayHead(headAddress(options.on!), tokenFrom());
  const report = await reached(() => clusterReport(head));
  if (report.note) session.say(report.note);
  const { members } = await session.call("plan", {
    kind,
    recipe,
    out,
    seeds: earlier && kind === "compare" ? earlier.members.length : seeds,
    ...(search && { search }),
    resume: isAgain,
  });
  const experiment = earlier ?? Experiment.begin(out, settingsOf(options, processorsEach(report.nodes, members.length)), members);
  const { processors, node, dataThere } = experiment.settings;
  if (!earlier) session.say(`${count(members.length, "job")} on ${head.url.origin} (Ray ${report.ray}), each with ${count(processors, "processor")}.`);

  let sent: Promise<ReturnType<typeof pack>> | null = null;
  const send = async () => {
    const packed = pack({ root: world.root, recipe, dataThere, node });
    await upload(head, packed, (bytes) => session.say(`Uploading the program, weights and data: ${megabytes(bytes)}.`));
    return packed;
  };
  const packed = () => {
    sent ??= send();
    return sent;
  };
  const failed = await session.elsewhere("Stopping the jobs: each writes a checkpoint. Interrupt once more to leave at once.", (signal, show) =>
    trainThere({
      head,
      experiment,
      planned: members,
      verb: kind === "compare" ? "compare" : "train",
      packed,
      restart: !options.attach,
      detach: options.detach === true,
      signal,
      show,
    }),
  );
  const differences = differencesInWords(experiment.members.map((member) => ({ words: member.words, directory: experiment.directoryOf(member) })));
  if (differences) session.say(`warning: ${differences}`);
  const command = (how: string) => shellWords([...world.program, kind, "--on", options.on!, how, "--out", out]);
  if (failed.length > 0) throw failure(failed, members.length, command);
  if (options.detach) {
    session.say(`The jobs go on without this program. Follow them with: ${command("--attach")}`);
    return null;
  }
  return together(session, request, members.length);
}

function settingsOf({ on, storage, dataThere, jobNode, jobProcessors }: ClusterOptions, processors: number): Settings {
  return {
    head: headAddress(on!).origin,
    storage: storage ?? null,
    dataThere: dataThere ?? null,
    node: jobNode ?? "pip",
    processors: jobProcessors ?? processors,
  };
}

/** What the cluster has. Throws if it cannot be used. */
export const clusterAt = (address: string): Promise<ClusterReport> => reached(() => clusterReport(new RayHead(headAddress(address), tokenFrom())));

/** Before anything is sent, a head that cannot be reached is an error at once. */
async function reached<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    throw new EngineError({ code: "INPUT", message: `${error.message}. Does the head run, and is this the port of its dashboard?` });
  }
}

/** With all folders here, the engine puts them together as if it had trained them. */
async function together(session: Session, { kind, recipe, out }: ThereRequest, members: number): Promise<RunResult> {
  const gone = pathsOf(recipe).find(({ path }) => !path.startsWith("hf:") && !existsSync(path));
  if (gone)
    throw new EngineError({
      code: "INPUT",
      message: `All runs are in ${out}. They are not put together, as this computer lacks ${gone.path} (${gone.key}): ${shellWords([...session.world.program, "report", "--runs", out])} writes a report on them`,
    });
  return session.putTogether({ kind, recipe, out, resume: true, ...(kind === "compare" && { seeds: members }) });
}

function failure(failed: readonly Failed[], members: number, command: (how: string) => string): EngineError {
  const lines = failed.map(({ words, message }) => `${words}: ${message}`);
  const wasStopped = failed.every(({ stopped }) => stopped);
  const head = wasStopped
    ? "the jobs were stopped, each with a checkpoint"
    : `${failed.length} of ${count(members, "job")} did not get to ${failed.length === 1 ? "its" : "their"} end`;
  return new Resumable({ code: wasStopped ? "INTERRUPTED" : "INPUT", message: [head, ...lines].join("\n") }, command("--resume"));
}

/** That jobs of a run may still be trained elsewhere, where it is resumed here. */
export function warnOfJobs(session: Session, out: string, world: World): void {
  if (!Experiment.isIn(out)) return;
  const { members, settings } = Experiment.open(out);
  const left = members.filter(({ fetched, jobs }) => !fetched && jobs.length > 0).length;
  if (left > 0)
    session.say(
      `warning: ${count(left, "training")} of this run went to ${settings.head} and did not come back; this computer now trains them itself. To follow the cluster instead: ${shellWords([...world.program, "compare", "--on", settings.head, "--attach", "--out", out])}`,
    );
}

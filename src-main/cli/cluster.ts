/** Sweeps and searches that a Ray cluster trains: what a verb does with them. */
import { existsSync } from "node:fs";
import type { Methods } from "../contract/engine";
import { UsageError } from "../contract/failure";
import { pathsOf } from "../contract/recipe-values";
import type { RunResult } from "../contract/run";
import { EngineError } from "../engine-client/client";
import { headAddress, tokenFrom } from "../ray/address";
import { differencesInWords, otherImagesInWords } from "../ray/alike";
import { type ClusterReport, clusterReport } from "../ray/cluster";
import { doubtOf, remoteData } from "../ray/data-there";
import { Experiment, nameOf, type Settings } from "../ray/experiment";
import { RayHead, Unreachable } from "../ray/head";
import type { Failed } from "../ray/member-training";
import { type Packed, pack, upload } from "../ray/package";
import { trainThere } from "../ray/train";
import { type ClusterOptions, checkClusterRecipe, settingsOf } from "./cluster-options";
import { Resumable } from "./resume";
import type { Session } from "./session";
import { shellWords } from "./shell-words";
import { count, megabytes } from "./words";
import type { World } from "./world";

export type ThereRequest = Methods["plan"]["params"];

/** null: the jobs were submitted, and are left alone. */
export async function trainOnCluster(session: Session, request: ThereRequest, options: ClusterOptions): Promise<RunResult | null> {
  const { kind, out } = request;
  checkClusterRecipe(options, request.recipe);
  const head = new RayHead(headAddress(options.on!), tokenFrom());
  const { experiment, members, packed } = await begin(session, request, options, head);
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
  const runs = experiment.members.map((member) => ({ name: nameOf(member), directory: experiment.directoryOf(member) }));
  for (const warning of [otherImagesInWords(runs), differencesInWords(runs)]) if (warning) session.say(`warning: ${warning}`);
  const command = (how: string) => shellWords([...session.world.program, kind, "--on", options.on!, how, "--out", out]);
  if (failed.length > 0) throw failure(failed, experiment, command);
  if (options.detach) {
    session.say(`The jobs go on without this program. Follow them with: ${command("--attach")}`);
    return null;
  }
  return together(session, request, experiment.settings, command("--resume"));
}

/** A sweep whose jobs can be submitted. Nothing is written for one that no cluster could train. */
async function begin(session: Session, request: ThereRequest, options: ClusterOptions, head: RayHead) {
  const { recipe, out, addSeeds } = request;
  const resume = request.resume || options.attach === true;
  // Seeds that are added are a sweep of their own: the others are finished.
  const earlier = resume && addSeeds === undefined ? Experiment.open(out) : null;
  if (earlier && recipe.device === "cuda" && earlier.settings.gpus === 0)
    throw new UsageError(
      `device "cuda": the jobs of ${out} were begun without GPUs: resume them on processors, with --set device=cpu, or train in another folder`,
    );
  const report = await reached(() => clusterReport(head));
  if (report.note) session.say(report.note);
  const packing = (settings: Pick<Settings, "dataThere" | "node">) => pack({ root: session.world.root, recipe, ...settings });
  const ready = earlier ? null : packing(settingsOf(options, recipe, report.nodes, 1));
  const { members } = await session.call("plan", { ...request, resume });
  const left = members.filter(({ isFinished }) => !isFinished);
  const experiment = earlier ?? Experiment.begin(out, settingsOf(options, recipe, report.nodes, left.length), left);
  if (earlier) earlier.add(left);
  else session.say(begunInWords(report, experiment));
  if (earlier && options.dataThere !== undefined) earlier.moveData(options.dataThere);
  for (const doubt of await doubtsOf(report, experiment.settings, options)) session.say(`warning: ${doubt}`);
  const send = async () => {
    const packed = ready ?? packing(experiment.settings);
    await upload(head, packed, (bytes) => session.say(`Uploading the program, weights and data: ${megabytes(bytes)}.`));
    return packed;
  };
  let sent: Promise<Packed> | null = null;
  const packed = () => {
    sent ??= send();
    return sent;
  };
  return { experiment, members, packed };
}

/** What may keep jobs from training, in words. */
async function doubtsOf({ nodes }: ClusterReport, { gpus }: Settings, { dataThere }: ClusterOptions): Promise<string[]> {
  const hasNone = gpus > 0 && !nodes.some((node) => node.gpus >= gpus);
  const data = dataThere === undefined ? null : remoteData(dataThere);
  const doubt = data && (await doubtOf(data));
  return [
    ...(hasNone ? ["no node of the cluster has a GPU, as doctor --on shows: the jobs wait until one with a GPU joins"] : []),
    ...(doubt ? [`asked from this computer, ${doubt}. The nodes may get another answer`] : []),
  ];
}

function begunInWords({ head, ray }: ClusterReport, { members, settings: { processors, gpus } }: Experiment): string {
  const share = gpus === 0 ? "" : ` and ${count(gpus, "GPU")}`;
  return `${count(members.length, "job")} on ${head} (Ray ${ray}), each with ${count(processors, "processor")}${share}.`;
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

/** With all folders here, the engine puts them together as if it had trained them. `again`: the command that does it once more. */
async function together(session: Session, { kind, recipe, out }: ThereRequest, { dataThere }: Settings, again: string): Promise<RunResult> {
  const asTheyAre = `${shellWords([...session.world.program, "report", "--runs", out])} writes a report on them as they are`;
  const gone = pathsOf(recipe).find(({ path }) => !path.startsWith("hf:") && !existsSync(path));
  if (gone)
    throw new EngineError({
      code: "INPUT",
      message: `All runs are in ${out}. They are not put together, as this computer lacks ${gone.path} (${gone.key}): ${asTheyAre}`,
    });
  try {
    return await session.putTogether({ kind, recipe, out, resume: true });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const otherData = dataThere === null ? "" : ` The nodes had their data from ${dataThere}: are these the images that ${recipe.data.path} has here?`;
    throw new Resumable({ ...error, message: `${error.message}\nAll runs are in ${out}, and are not put together: ${asTheyAre}.${otherData}` }, again);
  }
}

function failure(failed: readonly Failed[], { members, settings }: Experiment, command: (how: string) => string): EngineError {
  const lines = failed.map(({ words, message }) => `${words}: ${message}`);
  const wasStopped = failed.every(({ stopped }) => stopped);
  const head = wasStopped
    ? "the jobs were stopped, each with a checkpoint"
    : `${failed.length} of ${count(members.length, "job")} did not get to ${failed.length === 1 ? "its" : "their"} end`;
  const { url } = (settings.dataThere && remoteData(settings.dataThere)) || { url: null };
  if (url && failed.some(({ message }) => message.includes(url))) lines.push("If the data are elsewhere, resume with --data-there and their address.");
  return new Resumable({ code: wasStopped ? "INTERRUPTED" : "INPUT", message: [head, ...lines].join("\n") }, command("--resume"));
}

/** The flag that sends more of a run to where it was trained; none if it was trained here. */
export const onCluster = (out: string): string[] => (Experiment.isIn(out) ? ["--on", Experiment.open(out).settings.head] : []);

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

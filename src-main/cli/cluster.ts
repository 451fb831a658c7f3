/** Sweeps and searches that a Ray cluster trains: what a verb does with them. */
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { comparedArms } from "../contract/arms";
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
import { following } from "../ray/following";
import { RayHead, Unreachable } from "../ray/head";
import type { Failed } from "../ray/member-training";
import { type Packed, pack, upload } from "../ray/package";
import { trainThere } from "../ray/train";
import { type ClusterOptions, checkClusterRecipe, settingsOf } from "./cluster-options";
import { Resumable } from "./resume";
import type { Session } from "./session";
import { shellWords } from "./shell-words";
import { count, megabytes } from "./words";

export type ThereRequest = Methods["plan"]["params"];

/** null: the jobs were submitted, and are left alone. */
export async function trainOnCluster(session: Session, request: ThereRequest, options: ClusterOptions): Promise<RunResult | null> {
  const { out } = request;
  checkClusterRecipe(options, request.recipe);
  const head = new RayHead(headAddress(options.on!), tokenFrom());
  if (Experiment.isIn(out)) return following(out, async () => follow(session, request, options, head, await begin(session, request, options, head)));
  const begun = await begin(session, request, options, head);
  return following(out, () => follow(session, request, options, head, begun));
}

type Begun = Awaited<ReturnType<typeof begin>>;

async function follow(session: Session, request: ThereRequest, options: ClusterOptions, head: RayHead, begun: Begun): Promise<RunResult | null> {
  const { kind, out } = request;
  const { experiment, members, packed } = begun;
  const command = (how: string) => shellWords([...session.world.program, kind, "--on", options.on!, how, "--out", out]);
  const words = {
    stopping: "Stopping the jobs: each writes a checkpoint. Interrupt once more to leave at once.",
    left: {
      keyboard: `left at once. The jobs were asked to stop, each with a checkpoint. Fetch what there is of them with: ${command("--attach")}`,
      system: `left. The jobs go on without this program. Follow them with: ${command("--attach")}`,
    },
  };
  const failed = await session.elsewhere(words, ({ stop, leave }, show) =>
    trainThere({
      head,
      experiment,
      planned: members,
      verb: kind === "compare" ? "compare" : "train",
      packed,
      restart: !options.attach,
      detach: options.detach === true,
      stop,
      leave,
      show,
    }),
  );
  const runs = experiment.members.map((member) => ({ name: nameOf(member), directory: experiment.directoryOf(member) }));
  for (const warning of [otherImagesInWords(runs), differencesInWords(runs)]) if (warning) session.say(`warning: ${warning}`);
  if (failed.length > 0) throw failure(failed, experiment, command, shellWords([...session.world.program, kind, "--resume", "--out", out]));
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
  const { members, experiment } = await written(session, { ...request, resume }, earlier, (jobs) => settingsOf(options, recipe, report.nodes, jobs));
  if (!earlier) session.say(begunInWords(report, experiment));
  if (earlier && options.dataThere !== undefined) earlier.moveData(options.dataThere);
  if (earlier && !options.attach && hasCheckpoints(earlier))
    session.say("warning: what is not finished begins anew on the cluster, without --storage; what comes back replaces the checkpoints that are here.");
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

/** What is planned, with its jobs. Where that cannot be written, as on a full disk, nothing stays of a folder that was not there. */
async function written(session: Session, request: ThereRequest, earlier: Experiment | null, settings: (jobs: number) => Settings) {
  const { out } = request;
  const isNew = !existsSync(out);
  try {
    const { members } = await session.call("plan", request);
    const left = members.filter(({ isFinished }) => !isFinished);
    earlier?.add(left);
    return { members, experiment: earlier ?? Experiment.begin(out, settings(left.length), left) };
  } catch (error) {
    if (isNew) rmSync(out, { recursive: true, force: true });
    throw error;
  }
}

/** What may keep jobs from training, in words. */
async function doubtsOf({ nodes }: ClusterReport, { gpus, processors }: Settings, { dataThere }: ClusterOptions): Promise<string[]> {
  const largest = Math.max(0, ...nodes.map((node) => node.processors));
  const hasNone = gpus > 0 && !nodes.some((node) => node.gpus >= gpus);
  const data = dataThere === undefined ? null : remoteData(dataThere);
  const doubt = data && (await doubtOf(data));
  return [
    ...(hasNone ? ["no node of the cluster has a GPU, as doctor --on shows: the jobs wait until one with a GPU joins"] : []),
    ...(largest < processors
      ? [
          `each job asks for ${count(processors, "processor")}, and no node has more than ${largest}: the jobs wait until a larger one joins; --job-processors asks for less`,
        ]
      : []),
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
  const gone = pathsOf(recipe).find(({ path: named }) => !named.startsWith("hf:") && !existsSync(named));
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

/** `here`: the command that goes on without the cluster. */
function failure(failed: readonly Failed[], experiment: Experiment, command: (how: string) => string, here: string): EngineError {
  const { members, settings } = experiment;
  const lines = failed.map(({ words, message }) => `${words}: ${message}`);
  const wasStopped = failed.every(({ stopped }) => stopped);
  const several = `${failed.length} of ${count(members.length, "job")}`;
  const head = wasStopped
    ? "the jobs were stopped, with a checkpoint where they had begun to train"
    : failed.every(({ isBack }) => !isBack)
      ? `the ${failed.length === 1 ? "run" : "runs"} of ${several} did not come back`
      : `${several} did not get to ${failed.length === 1 ? "its" : "their"} end`;
  const { url } = (settings.dataThere && remoteData(settings.dataThere)) || { url: null };
  if (url && failed.some(({ message }) => message.includes(url))) lines.push("If the data are elsewhere, resume with --data-there and their address.");
  if (hasCheckpoints(experiment))
    lines.push(
      `On the cluster these begin anew, as their checkpoints are on this computer (--storage keeps them there). To go on from the checkpoints, here: ${here}`,
    );
  return new Resumable({ code: wasStopped ? "INTERRUPTED" : "INPUT", message: [head, ...lines].join("\n") }, command("--resume"));
}

/** Whether unfinished runs came back that a job cannot go on with: it has its checkpoints on storage, or none. */
function hasCheckpoints(experiment: Experiment): boolean {
  const { settings, members } = experiment;
  const hasOne = (directory: string) => [".", ...comparedArms].some((arm) => existsSync(path.join(directory, arm, "checkpoint")));
  return settings.storage === null && members.some((member) => !experiment.isHere(member) && hasOne(experiment.directoryOf(member)));
}

/** The flags that send more of a run to where it was trained; none if it was trained here. */
export function onCluster(out: string): string[] {
  if (!Experiment.isIn(out)) return [];
  const { head, node, storage, dataThere } = Experiment.open(out).settings;
  const other = { "--job-node": node === "pip" ? null : node, "--storage": storage, "--data-there": dataThere };
  return ["--on", head, ...Object.entries(other).flatMap(([flag, value]) => (value === null ? [] : [flag, value]))];
}

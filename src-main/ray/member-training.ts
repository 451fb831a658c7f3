/** Trains one member of a sweep as a job of a cluster, and brings its folder back. */
import path from "node:path";
import type { PlannedMember } from "../contract/engine";
import type { NoticeBody } from "../contract/notices";
import { type ClusterMember, type Experiment, nameOf } from "./experiment";
import { fetchRun } from "./fetch-run";
import type { Fleet } from "./fleet";
import { followJob } from "./follow";
import type { RayHead } from "./head";
import { hasEnded, type JobInfo, neverBegan, readJob, stopJob, submitJob } from "./jobs";
import { type FilesMessage, FULL_DISK, MARK, messageIn } from "./messages";
import type { Packed } from "./package";
import { submissionOf } from "./submission";

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
  /** All jobs are stopped, and what they leave is fetched. */
  stop: AbortSignal;
  /** Nothing more is done; jobs go on. */
  leave: AbortSignal;
  show(notice: NoticeBody): void;
}

export interface Failed {
  words: string;
  message: string;
  stopped: boolean;
  /** Whether what there is of it came back. */
  isBack: boolean;
}

export class MemberTraining {
  #files: FilesMessage | null = null;
  #error: { code: string; message: string } | null = null;

  constructor(
    private readonly training: Training,
    private readonly fleet: Fleet,
    private readonly member: ClusterMember,
    private readonly plan: PlannedMember,
  ) {}

  /** Resolves with why it did not get to its end; null if it did. */
  async run(): Promise<Omit<Failed, "words" | "isBack"> | null> {
    const { head, experiment, stop, leave, detach, restart } = this.training;
    if (leave.aborted || (stop.aborted && this.member.jobs.length === 0)) return { message: "not begun", stopped: true };
    // What it left is here already, and this computer may have gone on with it.
    if (this.member.isOver && !restart) return { message: "its job has ended before its end; --resume submits it again", stopped: true };
    const id = await this.#job();
    if (detach) return null;
    const info = await this.#follow(id);
    if (leave.aborted) return { message: "left", stopped: true };
    if (info === "waits") return this.#over("not begun: once the cluster has a place for its job, that ends", true);
    if (info && neverBegan(info) && !stop.aborted) return this.run();
    if (!info) return this.#over(`the cluster knows nothing of its job ${id} any more`, false);
    if (this.#files && info.driver_node_id) {
      this.fleet.nodes.set(id, info.driver_node_id);
      await fetchRun(head, info.driver_node_id, this.#files, experiment.directoryOf(this.member), this.plan.recipe);
    }
    // That a trial diverged is its result.
    const isResult = info.status === "SUCCEEDED" || (this.training.verb === "train" && this.#error?.code === "DIVERGED");
    if (!isResult) return this.#over(this.#error?.message ?? inWords(info), info.status === "STOPPED" || stop.aborted);
    if (!this.#files) return { message: "its job ended, but its files did not come", stopped: false };
    await experiment.markFetched(this.member);
    return null;
  }

  async #over(message: string, stopped: boolean): Promise<Omit<Failed, "words" | "isBack">> {
    await this.training.experiment.markOver(this.member);
    return { message, stopped };
  }

  /** To its end: a stop writes a checkpoint, which is fetched. One that waits for a place hears of the stop when it has one, and is not waited for. */
  async #follow(id: string): Promise<JobInfo | null | "waits"> {
    const { head, stop, leave } = this.training;
    let waits = false;
    const quit = new AbortController();
    const giveUp = () => quit.abort();
    const ask = async () => {
      await stopJob(head, id).catch(() => {});
      if (waits) giveUp();
    };
    if (stop.aborted) void ask();
    stop.addEventListener("abort", ask);
    leave.addEventListener("abort", giveUp);
    try {
      return await followJob(head, id, {
        onLine: (line) => this.#line(line),
        onConnection: (isThere, why) => this.fleet.connection(isThere, why),
        onState: (status) => {
          waits = status === "PENDING";
          this.#state(status);
          if (waits && stop.aborted) giveUp();
        },
        signal: quit.signal,
      });
    } catch (error) {
      if (quit.signal.aborted) return "waits";
      throw error;
    } finally {
      stop.removeEventListener("abort", ask);
      leave.removeEventListener("abort", giveUp);
    }
  }

  /** Its job that goes on, or has ended well; a new one if there is none. */
  async #job(): Promise<string> {
    const { head, restart, experiment } = this.training;
    const last = this.member.jobs.at(-1);
    const known = last === undefined ? null : await readJob(head, last);
    const isLost = last !== undefined && (!known || (hasEnded(known) && known.status !== "SUCCEEDED"));
    if (last !== undefined && (!isLost || !(restart || (known && neverBegan(known))))) return last;
    const packed = await this.training.packed();
    const id = await experiment.nextJob(this.member);
    const { member, plan } = this;
    await submitJob(head, submissionOf({ experiment, member, recipe: plan.recipe, verb: this.training.verb }, id, packed));
    return id;
  }

  #line(line: string): void {
    const job = nameOf(this.member);
    const message = messageIn(line);
    if (!message) return;
    if (message.type === "files") this.#files = message;
    else if (message.type === "error") this.#failed(message);
    else {
      const { time: _, ...notice } = message;
      const directory = this.training.experiment.directoryOf(this.member);
      const here = notice.type === "started" ? { ...notice, directory: notice.arm === "single" ? directory : path.join(directory, notice.arm) } : notice;
      this.fleet.show({ ...this.#shown(here as NoticeBody), job } as NoticeBody);
    }
  }

  /** How it is resumed there is of no use here. What goes wrong after a failure is told with it. */
  #failed({ code, message }: { code: string; message: string }): void {
    const words = message.split("\nResume with: ")[0]!;
    this.#error = this.#error ? { code: this.#error.code, message: `${this.#error.message}\n${words}` } : { code, message: words };
  }

  /** Test accuracies of trials choose nothing, and would tempt to. */
  #shown(notice: NoticeBody): NoticeBody {
    if (this.training.verb === "compare" || notice.type !== "epoch") return notice;
    return { ...notice, record: { ...notice.record, testAcc: null, testLoss: null, emaAcc: null, emaLoss: null } };
  }

  #state(status: JobInfo["status"]): void {
    const job = nameOf(this.member);
    if (status === "PENDING") this.training.show({ type: "phase", text: "Waiting for a place on the cluster, and for Ray to prepare it", job } as NoticeBody);
  }
}

function inWords({ status, message, driver_exit_code: code, error_type: type }: JobInfo): string {
  if (status === "STOPPED") return "stopped on request";
  if (type === "JOB_SUPERVISOR_ACTOR_DIED") return "Ray's process that ran its job there died, as when its node goes away";
  // Ray repeats the last lines that a job printed.
  const lines = (message ?? "").split("\n").filter((line) => line.trim() !== "" && !line.includes(MARK) && !/^Job entrypoint command failed/.test(line));
  if (typeof code === "number" && code < 0) return `its job was killed there by signal ${-code}${code === -9 ? ", often because memory ran out" : ""}`;
  if (code === FULL_DISK) return "the disk of its node is full, so that its log took no word either: make room below Ray's temporary folder there";
  return `its job failed${typeof code === "number" ? ` (exit code ${code})` : ""}: ${lines.slice(-3).join(" ") || "Ray does not say why"}`;
}

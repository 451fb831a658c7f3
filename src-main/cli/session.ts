import type { FitRequest, Method, Methods } from "../contract/engine";
import type { FittedTeacher } from "../contract/fitted-teacher";
import type { Notice, NoticeBody } from "../contract/notices";
import type { RunResult } from "../contract/run";
import { EngineClient, EngineError, type Writing } from "../engine-client/client";
import type { Tracking } from "../mlflow/address";
import { Mirror } from "../mlflow/follow";
import { Sender } from "../mlflow/send";
import { MlflowServer } from "../mlflow/server";
import { EventFiles } from "../tensorboard/follow";
import { foldersBy } from "./mlflow";
import { type ProgressForm, type ProgressView, progressView } from "./progress";
import { shellWords } from "./shell-words";
import type { InterruptedBy, World } from "./world";

/** Who is told what a training does, besides the person. */
interface Follower {
  follow(notice: NoticeBody): void;
  /** Returns what is missing, and what to do, in words. `directory`: of what was trained. */
  finish?(directory: string): Promise<string | null>;
}

/** One verb's conversation with a fresh engine. Calls show their progress and react to Ctrl-C. */
export class Session {
  constructor(
    readonly world: World,
    private readonly engine: EngineClient,
    private readonly progress: ProgressView,
    private readonly interrupts: Interrupts,
    private readonly followers: readonly Follower[] = [],
  ) {}

  call<M extends Method>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const answer = this.engine.call(method, params, { signal: this.interrupts.signal, onNotice: (notice) => this.progress.show(notice) });
    return this.interrupts.unlessForced(answer);
  }

  /**
   * Trains to the end. The first interrupt stops the run with a checkpoint. `onStart` is told its folder, in which nothing may be written yet;
   * `onBegun` is called when there is something to resume, for each arm.
   */
  train(request: Methods["start"]["params"], onStart: (directory: string) => void, onBegun: () => void): Promise<RunResult> {
    const { signal } = this.interrupts;
    this.interrupts.stopping = "Stopping. Interrupt once more to stop at once.";
    let folder = request.out;
    const onFolder = (directory: string) => {
      folder = directory;
      onStart(directory);
    };
    const onNotice = (notice: Notice) => {
      if (notice.type === "started") onBegun();
      this.progress.show(notice);
      for (const follower of this.followers) follower.follow(notice);
    };
    const answer = this.engine.train(request, { signal, onStart: onFolder, onNotice });
    return this.interrupts.unlessForced(answer.finally(() => this.#finish(folder)));
  }

  async #finish(directory: string): Promise<void> {
    for (const follower of this.followers) {
      const missing = await follower.finish?.(directory);
      if (missing) this.progress.show({ id: 0, type: "warning", text: missing });
    }
  }

  /** The first interrupt stops the fit after the images under way. */
  fit(request: FitRequest): Promise<FittedTeacher> {
    const { signal } = this.interrupts;
    this.interrupts.stopping = "Stopping after the images under way. Interrupt once more to stop at once.";
    return this.interrupts.unlessForced(this.engine.fit(request, { signal, onNotice: (notice) => this.progress.show(notice) }));
  }

  /** The first interrupt stops it with nothing written, or finds it written. */
  write<M extends Writing>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const { signal } = this.interrupts;
    this.interrupts.stopping = "Stopping. Interrupt once more to stop at once.";
    return this.interrupts.unlessForced(this.engine.write(method, params, { signal, onNotice: (notice) => this.progress.show(notice) }));
  }

  /** Puts together what was trained elsewhere: of what the engine says, its warnings alone are new. */
  putTogether(request: Methods["start"]["params"]): Promise<RunResult> {
    const onNotice = (notice: Notice) => {
      if (notice.type === "warning" || notice.type === "phase") this.progress.show(notice);
    };
    return this.interrupts.unlessForced(this.engine.train(request, { signal: this.interrupts.signal, onNotice }));
  }

  /**
   * Work that goes on without this program: the first Ctrl-C aborts the signal `stop`, the second `leave`, and makes this fail at once. So does the end of the
   * terminal or the system, without a stop. `left`: what holds then, in words.
   */
  elsewhere<R>(
    { stopping, left }: { stopping: string; left: Record<InterruptedBy, string> },
    work: (signals: { stop: AbortSignal; leave: AbortSignal }, show: (notice: NoticeBody) => void) => Promise<R>,
  ): Promise<R> {
    const { interrupts } = this;
    interrupts.stopping = stopping;
    interrupts.left = left;
    const signals = { stop: interrupts.signal, leave: interrupts.leave };
    const done = work(signals, (notice) => this.progress.show({ ...notice, id: 0 })).finally(() => {
      interrupts.left = null;
    });
    return interrupts.unlessForced(done);
  }

  /** Whether the user asked to stop. */
  get interrupted(): boolean {
    return this.interrupts.signal.aborted;
  }

  /** Whether the user asked a second time, so that the engine is ended at once. */
  get wasForced(): boolean {
    return this.interrupts.wereForced;
  }

  say(text: string): void {
    this.progress.say(text);
  }
}

export interface SessionOptions {
  progress: ProgressForm;
  /** That compute; left out: as many as the environment and the machine say. */
  threads?: number;
  /** Write event files for TensorBoard while training. */
  tensorboard?: boolean;
  /** The server of MLflow that is told what is trained. */
  mlflow?: Tracking;
}

/** Starts an engine, runs `work` and ends the engine. */
export async function withSession<R>(
  world: World,
  { progress: form, threads, tensorboard, mlflow }: SessionOptions,
  work: (session: Session) => Promise<R>,
): Promise<R> {
  const progress = progressView(world, form);
  const interrupts = new Interrupts(world, progress);
  const warn = (text: string) => progress.show({ id: 0, type: "warning", text });
  const events = tensorboard ? new EventFiles(() => world.now().getTime() / 1000, warn) : null;
  const channel = world.startEngine(threads);
  try {
    const engine = await interrupts.unlessForced(EngineClient.connect(channel));
    const mirror = mlflow ? mirrorTo(mlflow, engine, world, (text) => progress.say(text), warn) : null;
    const followers = [events, mirror].flatMap((each) => each ?? []);
    return await work(new Session(world, engine, progress, interrupts, followers));
  } finally {
    interrupts.end();
    events?.close();
    progress.end();
    channel.close(interrupts.wereForced);
  }
}

function mirrorTo(tracking: Tracking, engine: EngineClient, world: World, say: (text: string) => void, warn: (text: string) => void): Follower {
  const server = new MlflowServer(tracking);
  const sender = new Sender(server, (name, page) => say(`MLflow shows it as the experiment ${name}: ${page}`));
  const folders = foldersBy((method, params) => engine.call(method, params));
  const mirror = new Mirror(sender, folders, () => world.now().getTime() / 1000, warn);
  return {
    follow: (notice) => mirror.follow(notice),
    finish: async (directory) => {
      if (await mirror.finish()) return null;
      const later = [...world.program, "report", "--format", "mlflow", "--to", server.address, "--runs", directory];
      return `MLflow does not have all of it. Send the rest with: ${shellWords(later)}`;
    },
  };
}

/** The first interrupt asks calls to stop; the second makes them fail at once. */
class Interrupts {
  readonly #abort = new AbortController();
  readonly #leave = new AbortController();
  readonly #unsubscribe: () => void;
  readonly #forced: Promise<never>;
  /** What is said at the first one; null for calls that end at once. */
  stopping: string | null = null;
  /** What holds where work elsewhere is left; null where all of it is done here. */
  left: Record<InterruptedBy, string> | null = null;

  constructor(world: World, progress: ProgressView) {
    let force: (error: EngineError) => void;
    this.#forced = new Promise((_, reject) => {
      force = reject;
    });
    // Calls handle it if they are waiting for it. If no call is waiting, nobody has to.
    this.#forced.catch(() => {});
    this.#unsubscribe = world.onInterrupt((by) => {
      if (this.signal.aborted || (this.left && by === "system")) {
        this.#leave.abort();
        force(new EngineError({ code: "INTERRUPTED", message: this.left?.[by] ?? "stopped at once, without a new checkpoint" }));
        return;
      }
      if (this.stopping) progress.say(this.stopping);
      this.#abort.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Aborted when all ends at once. */
  get leave(): AbortSignal {
    return this.#leave.signal;
  }

  get wereForced(): boolean {
    return this.leave.aborted;
  }

  unlessForced<R>(answer: Promise<R>): Promise<R> {
    return Promise.race([answer, this.#forced]);
  }

  end(): void {
    this.#unsubscribe();
  }
}

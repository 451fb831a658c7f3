import { UsageError } from "../contract/failure";
import type { LiveRun, RunOwner } from "../contract/run";
import { holderOf, ownerOf } from "../runs/lock";
import type { ClientChannel } from "./channel";
import { type Address, PeerServer, RemoteRun } from "./peers";
import { Run, type RunRequest, type Watchable } from "./run";
import type { TrainerThread } from "./trainer-thread";

/** Runs that have ended are remembered for watchers who ask late, such as a page that was reloaded in that moment. */
const ENDED_KEPT = 3;

/** The runs that this engine trains, one at a time, and those of other processes that its clients follow. */
export class Runs {
  readonly #own = new Map<string, Run>();
  readonly #others = new Map<string, RemoteRun>();
  #server: Promise<PeerServer> | null = null;

  constructor(
    private readonly program: RunOwner["program"],
    private readonly thread: TrainerThread,
    private readonly servePeer: (channel: ClientChannel) => void,
  ) {}

  /** The run under way; null if none is. */
  get training(): Run | null {
    return [...this.#own.values()].find((run) => !run.isOver) ?? null;
  }

  /** Where the last run was trained; the processor if there was none. */
  get device(): "cpu" | "cuda" {
    return [...this.#own.values()].at(-1)?.live.recipe.device === "cuda" ? "cuda" : "cpu";
  }

  async start(request: RunRequest): Promise<Run> {
    const address = await this.#listen();
    if (this.training) throw new UsageError("a run is training: wait until it ends or stop it first; only one runs at a time");
    const run = new Run(request, { program: this.program, ...address }, this.thread);
    this.#own.set(run.id, run);
    this.#forgetOld();
    return run;
  }

  /** Throws a UsageError if this engine neither trains the run nor follows it. */
  find(id: string): Watchable {
    const run = this.#own.get(id) ?? this.#others.get(id);
    if (!run) throw new UsageError(`there is no run ${JSON.stringify(id)} here: expected one that start, list or attach has named`);
    return run;
  }

  list(): LiveRun[] {
    return [...this.#own.values(), ...this.#others.values()].map(({ live }) => live).filter(({ state }) => !["finished", "stopped", "failed"].includes(state));
  }

  /** The live run in a folder; null if nobody trains there. */
  async attach(directory: string): Promise<LiveRun | null> {
    const holder = holderOf(directory);
    const owner = ownerOf(directory);
    if (!holder?.content || !owner) return null;
    const own = this.#own.get(holder.content.run);
    if (own) return own.live;
    const remote = await RemoteRun.attach(holder.content, directory, owner);
    this.#others.set(remote.live.run, remote);
    return remote.live;
  }

  async stop(): Promise<void> {
    const run = this.training;
    run?.control("stop");
    await run?.ended.catch(() => {});
    const server = await this.#server?.catch(() => null);
    await server?.close();
  }

  async #listen(): Promise<Address> {
    this.#server ??= PeerServer.open(this.servePeer);
    // Training does not depend on being watched.
    return (await this.#server.catch(() => null))?.address ?? { socket: null, token: "" };
  }

  #forgetOld(): void {
    const over = [...this.#own.values()].filter((run) => run.isOver);
    for (const { id } of over.slice(0, -ENDED_KEPT)) this.#own.delete(id);
  }
}

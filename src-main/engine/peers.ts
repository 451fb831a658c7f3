/**
 * The socket over which other processes of the same user follow and control this engine's runs. Its address and a token are in the locks of the
 * runs' folders, which only the user can read.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InputError } from "../contract/failure";
import type { Notice, NoticeBody } from "../contract/notices";
import type { LiveRun, RunOwner, RunResult } from "../contract/run";
import type { EngineChannel, Incoming } from "../engine-client/channel";
import { EngineClient } from "../engine-client/client";
import { linesOver } from "../engine-client/socket";
import type { LockContent } from "../runs/lock";
import type { ClientChannel } from "./channel";
import type { Action, Watchable } from "./run";

/** What a lock says about how to reach its owner. */
export type Address = Pick<LockContent, "socket" | "token">;

/** The engine's end: accepts those who know the token. */
export class PeerServer {
  private constructor(
    readonly address: Address,
    private readonly server: Server,
    private readonly socket: string,
    private readonly connections: ReadonlySet<Socket>,
  ) {}

  /** `serve` gets a channel for each peer. */
  static async open(serve: (channel: ClientChannel) => void): Promise<PeerServer> {
    const token = randomBytes(16).toString("hex");
    const socket = newAddress();
    const connections = new Set<Socket>();
    const server = createServer((connection) => {
      connections.add(connection);
      connection.on("close", () => connections.delete(connection));
      const lines = linesOver(connection);
      lines.onMessage((first) => {
        if (!isToken(first, token)) {
          lines.close();
          return;
        }
        serve({ post: lines.send, onMessage: lines.onMessage, onClose: (listener) => lines.onClose(() => listener()) });
      });
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve));
    // A connection does not keep the process alive.
    server.unref();
    if (process.platform !== "win32") {
      chmodSync(socket, 0o600);
      removeDeserted(dirname(socket));
    }
    return new PeerServer({ socket, token }, server, socket, connections);
  }

  /** Peers get what was sent to them before. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const connection of this.connections) connection.end().unref();
    if (process.platform !== "win32") rmSync(this.socket, { force: true });
    await Promise.race([closed, delay(CLOSING_MS, null, { ref: false })]);
  }
}

/** How long a peer that does not close its end is waited for. */
const CLOSING_MS = 1000;

/** Processes that were killed leave their sockets: those that nobody listens to are removed. */
function removeDeserted(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".sock"))) {
    const path = join(folder, name);
    const connection = connect(path);
    connection.on("connect", () => connection.destroy());
    connection.on("error", ({ code }: NodeJS.ErrnoException) => code === "ECONNREFUSED" && rmSync(path, { force: true }));
    connection.unref();
  }
}

function isToken(message: unknown, token: string): boolean {
  const given = (Object(message) as { token?: unknown }).token;
  return typeof given === "string" && given.length === token.length && timingSafeEqual(Buffer.from(given), Buffer.from(token));
}

/** The longest path that a socket can have on all systems. */
const LONGEST_ADDRESS = 100;

function newAddress(): string {
  const name = `${process.pid}-${randomBytes(4).toString("hex")}`;
  if (process.platform === "win32") return `\\\\.\\pipe\\distill-studio-${name}`;
  const folders = [process.env.XDG_RUNTIME_DIR, tmpdir(), "/tmp"].flatMap((base) => (base ? join(base, `distill-studio-${process.getuid!()}`) : []));
  const folder = folders.find((folder) => join(folder, name).length + 5 <= LONGEST_ADDRESS && isOurs(folder));
  return join(folder ?? mkdtempSync("/tmp/distill-studio-"), `${name}.sock`);
}

/** Whether only this user can reach what is in a folder, which is made if it is missing. */
function isOurs(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: false, mode: 0o700 });
  } catch {
    // It is there, or cannot be made.
  }
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === process.getuid!() && (stats.mode & 0o077) === 0;
}

// ---- The other end ----------------------------------------------------------------------------------------------------------------

/** A run that another process trains. */
export class RemoteRun implements Watchable {
  #live: LiveRun;

  private constructor(
    private readonly peer: EngineClient,
    run: LiveRun,
    owner: RunOwner,
  ) {
    this.#live = { ...run, owner };
  }

  /** Throws an InputError if the run's owner cannot be asked, or does not know the run any more. */
  static async attach({ run, socket, token }: Address & { run: string }, directory: string, owner: RunOwner): Promise<RemoteRun> {
    const unreachable = (why: string) => new InputError(`${directory} is being trained by process ${owner.pid}, which cannot be reached: ${why}`);
    if (!socket) throw unreachable("it listens to nobody");
    if (owner.host !== null) throw unreachable(`it is on ${owner.host}`);
    let peer: EngineClient;
    try {
      peer = await EngineClient.connect(await channelTo(socket, token));
    } catch (error) {
      throw unreachable((error as Error).message);
    }
    const live = (await peer.call("list", {})).find((each) => each.run === run);
    if (live) return new RemoteRun(peer, live, owner);
    peer.close();
    throw unreachable("the run has just ended");
  }

  get live(): LiveRun {
    return this.#live;
  }

  async watch(from: number, notify: (notice: NoticeBody) => void): Promise<RunResult> {
    const onNotice = ({ id: _, ...notice }: Notice) => {
      if (notice.type === "state") this.#live = { ...this.#live, state: notice.state };
      notify(notice as NoticeBody);
    };
    try {
      const result = await this.peer.call("watch", { run: this.#live.run, from }, { onNotice });
      this.#live = { ...this.#live, state: "finished" };
      return result;
    } catch (error) {
      this.#live = { ...this.#live, state: "stopped" };
      throw error;
    } finally {
      this.peer.close();
    }
  }

  async control(action: Action): Promise<LiveRun["state"]> {
    const { state } = await this.peer.call("control", { run: this.#live.run, action });
    this.#live = { ...this.#live, state };
    return state;
  }
}

async function channelTo(socket: string, token: string): Promise<EngineChannel> {
  const connection = connect(socket);
  const lines = linesOver(connection, Number.POSITIVE_INFINITY);
  await new Promise<void>((resolve, reject) => connection.once("connect", resolve).once("error", reject));
  lines.send({ token });
  return {
    post: lines.send,
    onMessage: (listener) => lines.onMessage((message) => listener(message as Incoming)),
    onClose: (listener) => lines.onClose(() => listener({ message: "the process that trains this run has ended", details: "" })),
    close: lines.close,
  };
}

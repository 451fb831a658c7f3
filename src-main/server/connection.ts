/** One page in a browser: its WebSocket, its connection to the engine, and its calls. */
import type { WebSocket } from "ws";
import type { Call } from "../contract/engine";
import type { FromPage, FromServer } from "../contract/served";
import type { EngineChannel, Incoming } from "../engine-client/channel";
import { pack, unpack } from "../engine-client/packed";

/** Bytes that may wait for a page that does not take them: a computer that sleeps, or is not there any more. The page connects again. */
const MOST_WAITING = 256 << 20;

export interface Host {
  connectEngine(): Promise<EngineChannel>;
  /** This page has started a run. */
  runStarted(by: Connection): void;
  answer(name: unknown, args: unknown, connectEngine: () => Promise<null>): Promise<unknown>;
}

export class Connection {
  #engine: EngineChannel | null = null;
  /** Calls that start a run, and are not answered yet. */
  readonly #starts = new Set<number>();

  constructor(
    private readonly socket: WebSocket,
    private readonly host: Host,
  ) {
    socket.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? messageIn(data) : null;
      if (message) void this.#take(message);
      else socket.close(1003, "expected a packed message");
    });
    socket.on("close", () => this.#engine?.close());
    // It is closed, too.
    socket.on("error", () => {});
  }

  send(message: FromServer): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    try {
      if (this.socket.bufferedAmount > MOST_WAITING) this.socket.terminate();
      else this.socket.send(pack(message));
    } catch {
      // What cannot be packed ends this connection, never the server.
      this.socket.terminate();
    }
  }

  /** The browser was signed out: its window says so, and nothing that it still sends is heard. */
  signOut(): void {
    this.socket.removeAllListeners("message");
    this.send({ type: "signedOut" });
    this.socket.close(1008, "signed out");
  }

  async #take(message: FromPage): Promise<void> {
    if (message.type === "engine") return this.#tellEngine(message.call);
    const { id, name, args } = message;
    try {
      this.send({ type: "answer", id, answer: { ok: true, value: await this.host.answer(name, args, () => this.#connectEngine()) } });
    } catch (error) {
      this.send({ type: "answer", id, answer: { ok: false, message: error instanceof Error ? error.message : String(error) } });
    }
  }

  #tellEngine(call: unknown): void {
    const { id, method } = Object(call) as Partial<Call>;
    if (method === "start" && id !== undefined) this.#starts.add(id);
    this.#engine?.post(call as Call);
  }

  #hear(message: Incoming): void {
    this.send({ type: "engine", message });
    if (!("type" in message) && this.#starts.delete(message.id) && message.ok) this.host.runStarted(this);
  }

  async #connectEngine(): Promise<null> {
    this.#engine?.close();
    this.#engine = null;
    const engine = await this.host.connectEngine();
    if (this.socket.readyState !== this.socket.OPEN) {
      engine.close();
      return null;
    }
    engine.onMessage((message) => this.#hear(message));
    this.#engine = engine;
    return null;
  }
}

function messageIn(data: Buffer): FromPage | null {
  try {
    const message = unpack(data) as FromPage;
    return message.type === "engine" || (message.type === "call" && typeof message.id === "number") ? message : null;
  } catch {
    return null;
  }
}

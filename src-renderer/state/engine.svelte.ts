import type { Method, Methods } from "../../src-main/contract/engine";
import type { Notice } from "../../src-main/contract/notices";
import { type CallOptions, type EngineClient, EngineError, type Writing } from "../../src-main/engine-client/client";
import type { Bridge } from "../bridge";
import { sentence } from "./words";

type State = { kind: "starting" } | { kind: "ready" } | { kind: "dead"; message: string; details: string };

/** The connection to the engine, and whether it is there. */
export class Engine {
  state: State = $state.raw({ kind: "starting" });
  /** Whether what is said to it now would arrive. */
  isReachable = true;
  #client: Promise<EngineClient> | null = null;

  constructor(private readonly bridge: Bridge) {}

  /** Starts an engine, or replaces one that died. */
  async start(): Promise<void> {
    this.state = { kind: "starting" };
    const died = ({ message, details }: { message: string; details: string }) => {
      this.state = { kind: "dead", message: sentence(message), details };
    };
    const client = this.bridge.connectEngine(died);
    this.#client = client;
    // A connection that breaks meanwhile is replaced by another, which says what holds.
    const isMine = () => this.#client === client;
    try {
      await client;
      if (isMine()) this.state = { kind: "ready" };
    } catch (error) {
      if (isMine()) died({ message: inWords(error), details: "" });
    }
  }

  /** Waits for the engine if it is still starting. Rejects with an EngineError. */
  async call<M extends Method>(method: M, params: Methods[M]["params"], onNotice?: (notice: Notice) => void): Promise<Methods[M]["result"]> {
    const client = await this.#client!;
    return client.call(method, params, { onNotice });
  }

  /** The same for what only reads: where the connection breaks before the answer, the next one is asked. */
  async read<M extends Method>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    for (;;) {
      try {
        return await this.call(method, params);
      } catch (error) {
        if (!isDisconnection(error)) throw error;
      }
    }
  }

  /** The same for what a person asks for now. Rejects where it would not reach the server. */
  async act<M extends Method>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    if (!this.isReachable) throw new Error("The server cannot be reached now: do it once this page is connected to it.");
    return this.call(method, params);
  }

  /** The same for what writes to a place that the user named. Aborting stops that, with nothing written. */
  async write<M extends Writing>(method: M, params: Methods[M]["params"], options: CallOptions): Promise<Methods[M]["result"]> {
    const client = await this.#client!;
    return client.write(method, params, options);
  }
}

export const inWords = (error: unknown): string => sentence(error instanceof Error ? error.message : String(error));

/** Whether a run may be trained by a process of which the engine cannot tell whether it is still there. */
export const isPerhapsHeld = (error: unknown): boolean => error instanceof EngineError && error.code === "PERHAPS_HELD";

/** Whether an answer is missing because the connection to the engine broke, and is another now. */
export const isDisconnection = (error: unknown): boolean => error instanceof EngineError && error.code === "DISCONNECTED";

/** Whether the engine does not know what it was asked for. */
export const isUnknown = (error: unknown): boolean => error instanceof EngineError && error.code === "USAGE";

export const isInterruption = (error: unknown): boolean => error instanceof EngineError && error.code === "INTERRUPTED";

import type { Call, EngineEnd, FitRequest, Method, Methods } from "../contract/engine";
import { PROTOCOL } from "../contract/engine";
import type { Failure } from "../contract/failure";
import type { FittedTeacher } from "../contract/fitted-teacher";
import type { Notice } from "../contract/notices";
import type { RunResult } from "../contract/run";
import type { EngineChannel, Incoming } from "./channel";

/** The failure that the engine answered with, or why it can no longer answer. */
export class EngineError extends Error {
  readonly code: Failure["code"];
  readonly details: string | undefined;

  constructor({ code, message, details }: Failure) {
    super(message);
    this.name = "EngineError";
    this.code = code;
    this.details = details;
  }
}

export interface CallOptions {
  onNotice?: (notice: Notice) => void;
  /** Aborting makes the call fail with INTERRUPTED immediately; the engine's later answer is dropped. */
  signal?: AbortSignal;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: EngineError): void;
  onNotice: (notice: Notice) => void;
}

/** What writes to a place that a person named. */
export type Writing = "exportModel" | "exportWeights" | "report";

/** Calls to one engine. Works in the page as well as in Node: it knows only the channel. */
export class EngineClient {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #end: EngineEnd | null = null;

  private constructor(private readonly channel: EngineChannel) {
    channel.onMessage((message) => this.#receive(message));
    channel.onClose((end) => this.#fail(end));
  }

  /** Performs the handshake. Rejects with an EngineError if the engine speaks another version of the protocol, or ends. */
  static async connect(channel: EngineChannel): Promise<EngineClient> {
    const client = new EngineClient(channel);
    const { protocol, version } = await client.call("hello", { protocol: PROTOCOL });
    if (protocol === PROTOCOL) return client;
    client.close();
    throw new EngineError({
      code: "INTERNAL",
      message: `expected an engine of protocol ${PROTOCOL}, got protocol ${protocol} of version ${version}: program and engine come from different builds; build or install again`,
    });
  }

  /** Resolves with the method's result. Rejects with an EngineError: the engine's own failure, INTERRUPTED, ENGINE_DIED or DISCONNECTED. */
  call<M extends Method>(method: M, params: Methods[M]["params"], { onNotice = () => {}, signal }: CallOptions = {}): Promise<Methods[M]["result"]> {
    if (this.#end) return Promise.reject(died(this.#end));
    if (signal?.aborted) return Promise.reject(interrupted());
    const id = ++this.#lastId;
    const stop = () => this.#interrupt(id);
    signal?.addEventListener("abort", stop);
    const answer = new Promise<Methods[M]["result"]>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onNotice });
      this.channel.post({ id, method, params } as Call);
    });
    return answer.finally(() => signal?.removeEventListener("abort", stop));
  }

  /**
   * Starts a run and follows it to its end. Aborting stops the run: it goes on until its checkpoint is written, then this fails with INTERRUPTED.
   * `onStart` is told the run's folder.
   */
  async train(
    request: Methods["start"]["params"],
    { onNotice, signal, onStart = () => {} }: CallOptions & { onStart?: (directory: string) => void } = {},
  ): Promise<RunResult> {
    const { run, directory } = await this.call("start", request, { signal });
    onStart(directory);
    // If the engine dies meanwhile, following it fails and says so.
    const stop = () => void this.call("control", { run, action: "stop" }).catch(() => {});
    signal?.addEventListener("abort", stop);
    try {
      return await this.call("watch", { run, from: 0 }, { onNotice });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Fits a teacher. Aborting stops it after the images under way, and then this fails with INTERRUPTED and says what is left of it. */
  fit(request: FitRequest, options?: CallOptions): Promise<FittedTeacher> {
    return this.#untilStopped("fitTeacher", request, "stopFitting", options);
  }

  /** Writes a file or folder. Aborting stops that, and then this fails with INTERRUPTED and nothing is there; or it is there already, and this succeeds. */
  write<M extends Writing>(method: M, params: Methods[M]["params"], options?: CallOptions): Promise<Methods[M]["result"]> {
    return this.#untilStopped(method, params, "stopWriting", options);
  }

  /** Aborting asks the engine to stop, which it answers in the call. */
  async #untilStopped<M extends Method>(
    method: M,
    params: Methods[M]["params"],
    stopping: "stopFitting" | "stopWriting",
    { onNotice, signal }: CallOptions = {},
  ): Promise<Methods[M]["result"]> {
    const stop = () => void this.call(stopping, {}).catch(() => {});
    if (signal?.aborted) throw interrupted();
    signal?.addEventListener("abort", stop);
    try {
      return await this.call(method, params, { onNotice });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Closes the channel; pending calls fail. */
  close(): void {
    this.#fail({ message: "the engine was closed", details: "" });
    this.channel.close();
  }

  #receive(message: Incoming): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if ("type" in message) {
      pending.onNotice(message);
      return;
    }
    this.#pending.delete(message.id);
    if (message.ok) pending.resolve(message.result);
    else pending.reject(new EngineError(message.error));
  }

  #interrupt(id: number): void {
    this.#pending.get(id)?.reject(interrupted());
    this.#pending.delete(id);
  }

  #fail(end: EngineEnd): void {
    if (this.#end) return;
    this.#end = end;
    for (const { reject } of this.#pending.values()) reject(died(end));
    this.#pending.clear();
  }
}

function died({ message, details, isDisconnection }: EngineEnd): EngineError {
  return new EngineError({ code: isDisconnection ? "DISCONNECTED" : "ENGINE_DIED", message, details });
}

function interrupted(): EngineError {
  return new EngineError({ code: "INTERRUPTED", message: "stopped on request" });
}

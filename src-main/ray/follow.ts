/** Follows a job to its end: its log as it grows, through connections that break. */
import WebSocket from "ws";
import { InputError } from "../contract/failure";
import { type RayHead, Unreachable } from "./head";
import { hasEnded, type JobInfo, readJob, readLog, tailAddress } from "./jobs";

const LOOK_MS = 1000;
/** Between two looks at a job that waits for its place. */
const LONGEST_LOOK_MS = 5000;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_MS = 30_000;
/** After so long without the head, following it is given up. */
const PATIENCE_MS = 15 * 60_000;
const LONGEST_MESSAGE = 64 << 20;

export interface Following {
  /** Each line of the log, once. */
  onLine(line: string): void;
  /** The head cannot be reached; or it can be again. */
  onConnection(isThere: boolean, why: string): void;
  onState(status: JobInfo["status"]): void;
  signal: AbortSignal;
  /** Milliseconds after which a connection that does not answer is given up. */
  silence?: number;
}

/** Its end; null if the head knows no such job. Rejects with `Unreachable` after a quarter of an hour without the head, and with the signal's reason. */
export async function followJob(head: RayHead, id: string, following: Following): Promise<JobInfo | null> {
  const lines = new Lines(following.onLine);
  let state: JobInfo["status"] | null = null;
  const look = async () => {
    const info = await patiently(() => readJob(head, id), following);
    if (info && info.status !== state) following.onState(info.status);
    state = info?.status ?? null;
    return info;
  };
  for (let wait = LOOK_MS; ; wait = Math.min(1.5 * wait, LONGEST_LOOK_MS)) {
    const info = await look();
    if (!info || hasEnded(info)) {
      if (info) lines.rest(await patiently(() => logOf(head, id, info), following));
      return info;
    }
    if (info.status === "RUNNING") {
      await tail(head, id, lines, following);
      wait = LOOK_MS;
    }
    await pause(wait, following.signal);
  }
}

/** The head has none of a job that ended before it was on a node, or whose node is gone, and answers with an error. Why the job ended is told without it. */
async function logOf(head: RayHead, id: string, { status }: JobInfo): Promise<string> {
  try {
    return await readLog(head, id);
  } catch (error) {
    if (error instanceof InputError && status !== "SUCCEEDED") return "";
    throw error;
  }
}

/** A log from its beginning, however often it is begun anew. */
class Lines {
  #told = 0;
  #seen = 0;
  #partial = "";

  constructor(private readonly tell: (line: string) => void) {}

  restart(): void {
    this.#seen = 0;
    this.#partial = "";
  }

  add(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop()!;
    for (const line of lines) if (++this.#seen > this.#told) this.#tell(line);
  }

  /** The whole log of a job that has ended. */
  rest(log: string): void {
    this.restart();
    this.add(log.endsWith("\n") || log === "" ? log : `${log}\n`);
  }

  #tell(line: string): void {
    this.#told = this.#seen;
    this.tell(line);
  }
}

/** Resolves when the connection ends, for whatever reason. */
function tail(head: RayHead, id: string, lines: Lines, { signal, silence = SILENCE_MS }: Following): Promise<void> {
  lines.restart();
  return new Promise((resolve) => {
    // Ray closes the connection without a message if the client offers to compress.
    const socket = new WebSocket(tailAddress(head, id), { headers: head.headers, perMessageDeflate: false, maxPayload: LONGEST_MESSAGE });
    const leave = () => socket.terminate();
    // A connection whose network has vanished, as of a laptop that slept, would stay open for ever.
    let isAlive = true;
    const watch = setInterval(() => {
      if (!isAlive || socket.readyState !== WebSocket.OPEN) return leave();
      isAlive = false;
      socket.ping();
    }, silence);
    socket.on("pong", () => {
      isAlive = true;
    });
    signal.addEventListener("abort", leave);
    socket.on("message", (data) => lines.add(data.toString()));
    // What is wrong shows when the job is asked about next.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(watch);
      signal.removeEventListener("abort", leave);
      resolve();
    });
  });
}

/** Asks until there is an answer, less and less often. */
export async function patiently<T>(ask: () => Promise<T>, { onConnection, signal }: Pick<Following, "onConnection" | "signal">): Promise<T> {
  const since = performance.now();
  for (let wait = LOOK_MS, isLost = false; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      const answer = await ask();
      if (isLost) onConnection(true, "");
      return answer;
    } catch (error) {
      if (!(error instanceof Unreachable) || performance.now() - since > PATIENCE_MS) throw error;
      if (!isLost) onConnection(false, error.message);
      isLost = true;
    }
    await pause(wait, signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** The engine as a child process of Node, for the command line and the server. */
import { type ChildProcess, fork } from "node:child_process";
import { constants } from "node:os";
import type { EngineEnd } from "../contract/engine";
import { threadArguments } from "../contract/threads";
import type { EngineChannel, Incoming } from "./channel";
import { engineEnvironment } from "./environment";
import { engineEnd } from "./exit";

/** Characters of standard error kept to explain why the process ended. */
const KEPT = 4000;

/** Starts the engine's script, with so many threads that compute, or as many as environment and machine say. */
export function startEngine(script: string, threads?: number): EngineChannel {
  const child = fork(script, threadArguments(threads), {
    env: engineEnvironment(threads),
    // Typed arrays pass as they are.
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Its own process group: Ctrl-C in a terminal reaches only this process, which then asks the engine to stop with a checkpoint.
    detached: process.platform !== "win32",
  });
  const errors = keepEnd(child);
  const closed = new Promise<EngineEnd>((resolve) => {
    child.on("error", (error) => resolve({ message: `the engine could not be started: ${error.message}`, details: "" }));
    // `close` and not `exit`: by then all of standard error has arrived.
    child.on("close", (code, signal) => resolve(endOf(code, signal, errors())));
  });
  return {
    // `close` reports a failed send.
    post: (call) => child.send(call, () => {}),
    onMessage: (listener) => child.on("message", (message) => listener(message as Incoming)),
    onClose: (listener) => closed.then(listener),
    close: (atOnce) => {
      if (atOnce) child.kill("SIGKILL");
      else if (child.connected) child.disconnect();
    },
  };
}

function keepEnd(child: ChildProcess): () => string {
  let kept = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      kept = (kept + chunk.toString()).slice(-KEPT);
    });
  }
  return () => kept;
}

function endOf(code: number | null, signal: NodeJS.Signals | null, errors: string): EngineEnd {
  if (signal) return engineEnd({ status: `signal ${signal}`, signal: constants.signals[signal], errors });
  return engineEnd({ status: `exit code ${code}`, signal: null, errors });
}

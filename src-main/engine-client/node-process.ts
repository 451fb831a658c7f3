/** The engine as a child process of Node, for the command line and the server. */
import { type ChildProcess, fork } from "node:child_process";
import { constants } from "node:os";
import type { EngineEnd } from "../contract/engine";
import { type FromOwner, type OwnerAnswer, runsArguments, type ToOwner } from "../contract/owner";
import { threadArguments } from "../contract/threads";
import type { EngineChannel, Incoming } from "./channel";
import { engineEnvironment } from "./environment";
import { engineEnd } from "./exit";
import type { OwnedProcess } from "./owned";

/** Characters of standard error kept to explain why the process ended. */
const KEPT = 4000;

/** Starts the engine's script for one client, with so many threads that compute, or as many as environment and machine say. */
export function startEngine(script: string, threads?: number): EngineChannel {
  const { child, ended } = forkEngine(script, [], threads);
  return {
    // `close` reports a failed send.
    post: (call) => child.send(call, () => {}),
    onMessage: (listener) => child.on("message", (message) => listener(message as Incoming)),
    onClose: (listener) => ended.then(listener),
    close: (atOnce) => {
      if (atOnce) child.kill("SIGKILL");
      else if (child.connected) child.disconnect();
    },
  };
}

/** The same for many pages, which may name what lies in the folder of their runs. */
export function startOwnedEngine(script: string, runsDirectory: string, threads?: number): OwnedProcess<EngineChannel> {
  const { child, ended } = forkEngine(script, runsArguments(runsDirectory), threads);
  const send = (message: FromOwner) => child.send(message, () => {});
  const pages = new Map<number, (message: Incoming) => void>();
  let hear: (answer: OwnerAnswer) => void = () => {};
  let lastPage = 0;
  child.on("message", (message: ToOwner) => {
    if ("owner" in message) hear(message.owner);
    else pages.get(message.page)?.(message.message);
  });
  return {
    ended,
    tell: (owner) => void send({ owner }),
    onAnswer: (listener) => {
      hear = listener;
    },
    connect: () => {
      const page = ++lastPage;
      return {
        post: (message) => send({ page, message }),
        onMessage: (listener) => pages.set(page, listener),
        onClose: (listener) => ended.then(listener),
        close: () => {
          pages.delete(page);
          send({ page, closed: true });
        },
      };
    },
    kill: () => child.kill("SIGKILL"),
  };
}

function forkEngine(script: string, args: readonly string[], threads: number | undefined): { child: ChildProcess; ended: Promise<EngineEnd> } {
  const child = fork(script, [...args, ...threadArguments(threads)], {
    env: engineEnvironment(threads),
    // Typed arrays pass as they are.
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Its own process group: Ctrl-C in a terminal reaches only this process, which then asks the engine to stop with a checkpoint.
    detached: process.platform !== "win32",
  });
  const errors = keepEnd(child);
  const ended = new Promise<EngineEnd>((resolve) => {
    child.on("error", (error) => resolve({ message: `the engine could not be started: ${error.message}`, details: "" }));
    // `close` and not `exit`: by then all of standard error has arrived.
    child.on("close", (code, signal) => resolve(endOf(code, signal, errors())));
  });
  return { child, ended };
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

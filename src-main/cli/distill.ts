#!/usr/bin/env node
/** The program `distill`: the command line on this computer's terminal. */
import path from "node:path";
import { startEngine } from "../engine-client/node-process";
import { onOrphaned } from "./orphaned";
import { run } from "./program";

// A reader that stops early (`distill ... | head`) is not a failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // EIO: the terminal is gone.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}

/** Requests to end: from the keyboard, from `kill` or the system that shuts down, and from a terminal that is closed. */
const ENDINGS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

run(process.argv.slice(2), {
  cwd: process.cwd(),
  now: () => new Date(),
  writeOut: (text) => process.stdout.write(text),
  err: process.stderr,
  onInterrupt: (listener) => {
    for (const signal of ENDINGS) process.on(signal, listener);
    const unwatch = onOrphaned(listener);
    return () => {
      unwatch();
      for (const signal of ENDINGS) process.off(signal, listener);
    };
  },
  startEngine: () => startEngine(path.join(__dirname, "../engine/engine.cjs")),
}).then((status) => {
  process.exitCode = status;
});

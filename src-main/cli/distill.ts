#!/usr/bin/env node
/** The program `distill`: the command line on this computer's terminal. */
import path from "node:path";
import { startEngine } from "../engine-client/node-process";
import { run } from "./program";

// A reader that stops early (`distill ... | head`) is not a failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

run(process.argv.slice(2), {
  cwd: process.cwd(),
  now: () => new Date(),
  writeOut: (text) => process.stdout.write(text),
  err: process.stderr,
  onInterrupt: (listener) => {
    process.on("SIGINT", listener).on("SIGTERM", listener);
    return () => process.off("SIGINT", listener).off("SIGTERM", listener);
  },
  startEngine: () => startEngine(path.join(__dirname, "../engine/engine.cjs")),
}).then((status) => {
  process.exitCode = status;
});

#!/usr/bin/env node
/** The program `distill`: the command line on this computer's terminal. */
import path from "node:path";
import { threadsFrom } from "../contract/threads";
import { startEngine, startOwnedEngine } from "../engine-client/node-process";
import { onOrphaned } from "./orphaned";
import { printWith } from "./printer";
import { run } from "./program";
import { installedProgram, programFrom } from "./started-from";

// A reader that stops early (`distill ... | head`) is not a failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // EIO: the terminal is gone.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}

/** Requests to end: from the keyboard, from `kill` or the system that shuts down, and from a terminal that is closed. */
const ENDINGS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const ENGINE = path.join(__dirname, "../engine/engine.cjs");
/** Within this time a second Ctrl-C is taken for a copy of the first, which npm or `timeout` passed on. */
const COPIES_MS = 500;

const ROOT = path.join(__dirname, "../..");
/** In an installed app, whose program is this one's Node (build/command/distill). */
const isInstalled = path.basename(ROOT) === "app.asar";
// What is started from here on, a browser for instance, is no Node. The engine is told by Electron, which replaces `fork`.
delete process.env.ELECTRON_RUN_AS_NODE;

run(process.argv.slice(2), {
  cwd: process.cwd(),
  program: isInstalled
    ? installedProgram(process.execPath, (process.env.PATH ?? "").split(path.delimiter))
    : programFrom(ROOT, [process.cwd(), process.env.INIT_CWD ?? process.cwd()]),
  root: ROOT,
  now: () => new Date(),
  writeOut: (text) => process.stdout.write(text),
  err: process.stderr,
  onInterrupt: (listener) => {
    // One request often comes in several ways: a shell and the system both report a terminal that is closed, npm passes signals on and then ends
    // itself. So only Ctrl-C, and only in person, counts a second time, which ends the program without a checkpoint.
    let asked: number | null = null;
    const onEnding = (signal: (typeof ENDINGS)[number]) => {
      if (asked !== null && (signal !== "SIGINT" || performance.now() - asked < COPIES_MS)) return;
      asked = performance.now();
      listener(signal === "SIGINT" ? "keyboard" : "system");
    };
    for (const signal of ENDINGS) process.on(signal, onEnding);
    const unwatch = onOrphaned(() => onEnding("SIGHUP"));
    return () => {
      unwatch();
      for (const signal of ENDINGS) process.off(signal, onEnding);
    };
  },
  startEngine: (threads) => {
    threadsFrom(process.env.DISTILL_THREADS);
    return startEngine(ENGINE, threads);
  },
  startOwnedEngine: (runsDirectory, threads) => {
    threadsFrom(process.env.DISTILL_THREADS);
    return startOwnedEngine(ENGINE, runsDirectory, threads);
  },
  print: isInstalled ? printWith(process.execPath, null) : printWith(process.env.DISTILL_ELECTRON || null, ROOT),
}).then((status) => {
  process.exitCode = status;
});

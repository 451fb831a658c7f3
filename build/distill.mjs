#!/usr/bin/env node
// The command line of this source tree: sets up what is missing or out of date, then runs `distill` with the given arguments.
import { createRequire } from "node:module";
import { installedElectron } from "./electron.mjs";
import { setUp } from "./setup.mjs";

try {
  process.cwd();
} catch {
  console.error("error: the current folder no longer exists: change to one that does (cd), and try again");
  process.exit(1);
}
await setUp();
// Prints reports.
process.env.DISTILL_ELECTRON ??= installedElectron() ?? "";
createRequire(import.meta.url)("../out/cli/distill.cjs");

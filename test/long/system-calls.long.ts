// A process that is killed, or a call that the system refuses, at each kind of call on each file of a run. Needs strace.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { distill, PROGRAM } from "../cli/distill";
import { command, lasting, undisturbed, writeStormRecipe } from "../faults/storm";

const FILES = [
  "lock",
  "control/lock",
  "control/recipe.json.partial",
  "control/batches.csv.partial",
  "control/batches.csv",
  "control/evidence.jsonl",
  "student/events.jsonl",
  "student/epochs.csv",
  "student/checkpoint/latest.safetensors.partial",
  "student/student.safetensors.partial",
  "comparison.json.partial",
  "report.html.partial",
];
/** Calls, and which of them: a later one where a file sees many. */
const CALLS = [
  ["openat", 1],
  ["write,pwrite64", 1],
  ["write,pwrite64", 3],
  ["fsync", 1],
  ["rename,renameat,renameat2", 1],
] as const;
const FAULTS = ["signal=KILL", "error=ENOSPC", "error=EIO"];

let cwd: string;
const noStrace = spawnSync("strace", ["-V"]).error ? "strace is not installed" : null;
beforeAll(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-calls-"));
  writeStormRecipe(cwd);
  if (!noStrace) await undisturbed(cwd, "compare", "whole");
}, 120_000);
afterAll(() => rmSync(cwd, { recursive: true }));

const cases = FILES.flatMap((file) => CALLS.flatMap(([calls, when]) => FAULTS.map((fault) => [fault, calls, when, file] as const)));
let fired = 0;

test.each(cases)(
  "%s at %s number %i on %s",
  async (fault, calls, when, file, context?: unknown) => {
    if (noStrace) (context as { skip(why: string): void }).skip(noStrace);
    const out = path.join(cwd, "run");
    rmSync(out, { recursive: true, force: true });
    const inject = calls.split(",").flatMap((call) => ["-e", `inject=${call}:${fault}:when=${when}`]);
    const traced = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", "signal=none", "-P", path.join(out, file), ...inject];
    const child = spawn("strace", [...traced, process.execPath, PROGRAM, ...command("compare", "run")], { cwd, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const [status] = await once(child, "close");
    if (status === 0) return;
    fired++;
    // The message names the file, unless nobody was left to write one.
    if (fault.startsWith("error")) expect(said).toMatch(/^error: .*\/run/m);
    const begun = existsSync(out) ? ["--resume"] : [];
    const resumed = await distill([...command("compare", "run"), ...begun], cwd);
    expect([resumed.status, resumed.err.match(/^error:.*/m)?.[0]]).toEqual([0, undefined]);
    expect(lasting(cwd, "run")).toEqual(lasting(cwd, "whole"));
  },
  120_000,
);

test.skipIf(noStrace !== null)("many of these faults happened", () => {
  console.log(`${fired} of ${cases.length} faults fired`);
  expect(fired).toBeGreaterThan(cases.length / 3);
});

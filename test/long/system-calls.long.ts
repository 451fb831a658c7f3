// Faults at single system calls of the real program, by strace. The calls themselves are covered one by one in any-call.long.ts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROGRAM } from "../cli/distill";
import { lasting, undisturbed, writeStormRecipe } from "../faults/storm";

const strace = spawnSync("strace", ["-f", "true"]);
const reason = strace.error ? "strace is not installed" : strace.status !== 0 ? "strace may not trace here" : null;

const FILES = [
  "recipe.json.partial",
  "checkpoint/latest.safetensors.partial",
  "checkpoint/latest.safetensors",
  "batches.csv",
  "epochs.csv",
  "events.jsonl",
  "evidence.jsonl",
  "student.safetensors.partial",
];
/** Of each, the first and a later one. */
const TIMES = [1, 3];
const FAULTS = [
  ["write,pwrite64", "signal=KILL"],
  ["fsync", "signal=KILL"],
  ["rename", "signal=KILL"],
  ["write,pwrite64", "error=ENOSPC"],
  ["fsync", "error=EIO"],
  ["rename", "error=EIO"],
] as const;

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-calls-"));
  writeStormRecipe(cwd);
  if (!reason) await undisturbed(cwd, "train", "whole");
});
afterAll(() => rmSync(cwd, { recursive: true }));

test.skipIf(reason)(`faults at system calls${reason ? ` (skipped: ${reason})` : ""}`, () => {
  const problems: string[] = [];
  let fired = 0;
  for (const [calls, fault] of FAULTS)
    for (const file of FILES)
      for (const when of TIMES) {
        const outcome = outcomeOf(calls, fault, file, when);
        if (outcome !== "not reached") fired++;
        if (outcome !== "not reached" && outcome !== "well") problems.push(`${calls} ${fault} ${file} #${when}: ${outcome}`);
      }
  console.log(`${fired} faults fired`);
  expect(problems).toEqual([]);
  // Many files are never renamed, or not written so often; far fewer would mean that nothing is injected.
  expect(fired).toBeGreaterThan(30);
});

function outcomeOf(calls: string, fault: string, file: string, when: number): string {
  const [out, log] = [path.join(cwd, "run"), path.join(cwd, "strace.log")];
  rmSync(out, { recursive: true, force: true });
  const inject = [
    "-f",
    "-qq",
    "-o",
    log,
    "-e",
    `trace=${calls}`,
    "-e",
    "signal=none",
    "-P",
    path.join(out, file),
    "-e",
    `inject=${calls}:${fault}:when=${when}`,
  ];
  const first = distill(inject, []);
  if (!/INJECTED|killed by SIGKILL/.test(readFileSync(log, "utf8"))) return "not reached";
  if (first.status !== 0) {
    const again = distill(null, existsSync(out) ? ["--resume"] : []);
    if (again.status !== 0) return `${first.stderr} then ${again.stderr}`;
  }
  if (fault.startsWith("error") && first.status !== 0 && !first.stderr.includes(out)) return `the message names no file: ${first.stderr}`;
  return JSON.stringify(lasting(cwd, "run")) === JSON.stringify(lasting(cwd, "whole")) ? "well" : "another end";
}

function distill(inject: readonly string[] | null, more: readonly string[]) {
  const command = [process.execPath, PROGRAM, "train", "--recipe", "recipe.json", "--out", "run", ...more];
  const [program, ...args] = inject ? ["strace", ...inject, ...command] : command;
  return spawnSync(program!, args, { cwd, encoding: "utf8", timeout: 300_000 });
}

/** Runs that are killed at random moments, again and again, and resumed with the command that was printed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PROGRAM } from "../cli/distill";

/** Which process gets which signal. */
const ENDS = [
  ["engine", "SIGKILL"],
  ["command", "SIGKILL"],
  ["both", "SIGKILL"],
  ["command", "SIGTERM"],
  ["command", "SIGINT"],
  ["command", "SIGHUP"],
  ["engine", "SIGTERM"],
] as const;

export type Kind = "train" | "compare" | "sweep";

const RECIPE = {
  data: { path: "bundled", trainLimit: 48, testLimit: 16 },
  teacher: { model: "resnet20_cifar10", weights: "bundled" },
  student: { model: "resnet20_cifar10" },
  train: { epochs: 4, batchSize: 8, warmupEpochs: 1 },
  distillation: { temperature: 2, alpha: 0.5 },
  augment: { crop: 2, flip: true },
};

/** Writes the recipe that all runs of a storm share. */
export function writeStormRecipe(cwd: string): void {
  writeFileSync(path.join(cwd, "recipe.json"), JSON.stringify(RECIPE));
}

/** The arguments that start or, with `--resume`, resume a run of the storm's recipe. */
export function command(kind: Kind, out: string): string[] {
  const verb = kind === "train" ? "train" : "compare";
  return [verb, "--recipe", "recipe.json", "--out", out, ...(kind === "train" ? [] : ["--seeds", kind === "sweep" ? "2" : "1"])];
}

/** Trains without a break. */
export async function undisturbed(cwd: string, kind: Kind, out: string): Promise<void> {
  const [status, text] = await ended(start(cwd, command(kind, out)));
  if (status !== 0) throw new Error(`the undisturbed run failed: ${text}`);
}

/**
 * Trains with so many kills; `random` gives numbers in [0, 1). Throws an Error with all that was said if the command does not resume what a kill
 * left, or if an end is neither the signal's nor an announced one.
 */
export async function killed(cwd: string, kind: Kind, out: string, kills: number, random: () => number): Promise<void> {
  let said = "";
  for (let left = kills; ; left--) {
    const resumed = existsSync(path.join(cwd, out)) ? ["--resume"] : [];
    const child = start(cwd, [...command(kind, out), ...resumed]);
    const finished = ended(child);
    const [target, signal] = ENDS[Math.floor(random() * ENDS.length)]!;
    // From the start of the program to a few epochs later.
    if (left > 0) await Promise.race([delay(50 + 2500 * random()), finished]);
    if (left > 0 && child.exitCode === null) end(child, target, signal);
    const [status, text] = await finished;
    said += `\n--- ${target} ${signal}: status ${status}\n${text}`;
    if (status === 0) return;
    if (left <= 0) throw new Error(`not finished after ${kills} kills:${said}`);
    if (!isExpected(text)) throw new Error(`ended in a way that was not asked for:${said}`);
    await settled(path.join(cwd, out));
  }
}

/** What a run may say when it is killed. */
function isExpected(text: string): boolean {
  const error = /^error: .*$/m.exec(text)?.[0];
  return error === undefined || /the engine (ended unexpectedly|was closed)/.test(error);
}

function start(cwd: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], { cwd, stdio: ["ignore", "ignore", "pipe"] });
}

async function ended(child: ChildProcess): Promise<[status: number | null, text: string]> {
  let text = "";
  child.stderr!.on("data", (chunk) => {
    text += chunk;
  });
  const [status] = await once(child, "close");
  return [status, text];
}

function end(child: ChildProcess, target: "engine" | "command" | "both", signal: NodeJS.Signals): void {
  const engines = childrenOf(child.pid!);
  if (target !== "command") for (const pid of engines) kill(pid, signal);
  if (target !== "engine") child.kill(signal);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** Waits until no process trains there any more: one that lost its command writes its checkpoint first. */
async function settled(out: string): Promise<void> {
  const isHeld = () => locksIn(out).some((lock) => isAlive(JSON.parse(readFileSync(lock, "utf8") || "{}").pid));
  while (isHeld()) await delay(20);
}

function locksIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => path.basename(name) === "lock")
    .map((name) => path.join(folder, name))
    .filter(existsSync);
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Everything that must be equal in two runs of a recipe: all files but those that hold times, and of tables all columns but speeds and seconds. */
export function lasting(cwd: string, out: string): Record<string, string> {
  const folder = path.join(cwd, out);
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const kept = names.filter((name) => /(student\.safetensors|batches\.csv|epochs\.csv|evidence\.jsonl)$/.test(name));
  return Object.fromEntries(kept.map((name) => [name, textOf(path.join(folder, name))]));
}

function textOf(file: string): string {
  if (file.endsWith(".safetensors")) return readFileSync(file).toString("base64");
  const [header, ...lines] = readFileSync(file, "utf8").split("\n");
  // The teacher is asked again by a run that was resumed, so that column is no part of the chain.
  if (file.endsWith("evidence.jsonl")) return [header, ...lines].map((line) => line!.replace(/"teacher":("\w*"|null)/, "")).join("\n");
  const timed = header!.split(",").flatMap((name, i) => (/seconds|images_per_second/.test(name) ? [i] : []));
  const masked = lines.map((line) =>
    line
      .split(",")
      .map((cell, i) => (timed.includes(i) ? "" : cell))
      .join(","),
  );
  return [header, ...masked].join("\n");
}

/** Numbers that look random and are the same for one seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

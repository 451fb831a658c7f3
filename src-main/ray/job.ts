/**
 * Runs on the cluster, in the unpacked program: trains what it was told to, passes progress on, and puts the run's files where the submitter can fetch them. All jobs
 * of a node with the same program share its folder, so each has a run folder of its own.
 */
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { InputError } from "../contract/failure";
import { digestOf } from "../disk/digest";
import { fetchData } from "./fetch-data";
import { CUDA_PROBE, DATA_FOLDER, FULL_DISK, type JobOrder, MARK, ORDER, type SentFile } from "./messages";

const order = JSON.parse(process.env[ORDER] ?? "null") as JobOrder;
const out = order.storage ?? path.join("runs", order.id);

/** Of the node, in the folder of Ray's session. */
const logs = path.dirname(readlinkSync("/proc/self/fd/1"));

/**
 * Each call writes a line of its own, whatever became of the one before: a full disk takes a part, or nothing. Not with `process.stdout`, which takes nothing more after
 * an error. Returns whether it was written.
 */
function print(line: string): boolean {
  const bytes = Buffer.from(`\n${line}\n`);
  try {
    return writeSync(1, bytes) === bytes.length;
  } catch {
    return false;
  }
}

const say = (message: object) => print(`${MARK}${JSON.stringify(message)}`);
const stamped = (message: object) => say({ time: new Date().toISOString(), ...message });

function fail(message: string): void {
  process.exitCode ||= 1;
  if (!stamped({ type: "error", code: "INPUT", message })) process.exitCode = FULL_DISK;
}

/** The recipe with data that this node has. */
async function recipeHere(): Promise<unknown> {
  const { recipe, data } = order;
  return data ? { ...recipe, data: { ...recipe.data, path: await fetchData(data, path.join(logs, "..", DATA_FOLDER), stamped) } } : recipe;
}

/** Resolves with the exit status of the program. */
async function train(): Promise<number> {
  const recipe = `recipe-${order.id}.json`;
  writeFileSync(recipe, JSON.stringify(await recipeHere()));
  // Ray unpacks files without their permissions.
  if (existsSync(CUDA_PROBE)) chmodSync(CUDA_PROBE, 0o755);
  const holdsRun = ["request.json", "recipe.json"].some((name) => existsSync(path.join(out, name)));
  // The job before has ended, on this node or another, as its submitter knows.
  const resume = holdsRun ? ["--resume", "--take-over"] : [];
  const args = ["out/cli/distill.cjs", ...order.args, "--recipe", recipe, "--out", out, ...resume, "--progress", "json", "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  // Ray asks the whole group to end; who is asked twice by the system still writes one checkpoint.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill("SIGTERM"));
  createInterface({ input: child.stderr }).on("line", (line) => print(line.startsWith("{") ? `${MARK}${line}` : line));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve(status ?? 1));
  });
}

/** Files of other processes, and those that were not finished. */
const isLeftOut = (name: string) => name === "lock" || name.endsWith(".partial");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !isLeftOut(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** A run that is not gone on with needs no second copy on the same disk. */
function give(from: string, to: string): void {
  if (order.storage === null && isLinked(from, to)) return;
  copyFileSync(from, to);
}

function isLinked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}

/** Of the session's log folder, the head gives out any file. */
async function send(): Promise<void> {
  const folder = path.join("distill", order.id);
  const files: SentFile[] = [];
  for (const file of filesBelow(out)) {
    const [from, to] = [path.join(out, file), path.join(logs, folder, file)];
    mkdirSync(path.dirname(to), { recursive: true });
    give(from, to);
    files.push({ path: file.split(path.sep).join("/"), size: statSync(to).size, sha256: await digestOf(to, "sha256") });
  }
  if (!say({ type: "files", folder, files })) process.exitCode = FULL_DISK;
  else if (order.storage === null) rmSync(out, { recursive: true });
}

train()
  .then(async (status) => {
    process.exitCode = status;
    if (!existsSync(out)) return;
    const where = `the run stays in ${path.resolve(out)} on the cluster`;
    await send().catch((error: Error) => fail(`the files of the run cannot be given out (${error.message}); ${where}`));
  })
  .catch((error: Error) => {
    fail(error instanceof InputError ? error.message : `the job cannot start the program: ${error.message}`);
  });

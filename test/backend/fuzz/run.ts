/** Runs the fuzz of the addon under AddressSanitizer and UndefinedBehaviorSanitizer. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import type { Counts } from "./thread";

const addon = fileURLToPath(new URL("../../../native/build/testing/distill_core_sanitized.node", import.meta.url));

/** Why the fuzz cannot run; null if it can. */
export const noSanitizedAddon = existsSync(addon) ? null : "run by `npm test` on Linux with g++ and its sanitizers, which builds the addon for it";

export interface FuzzOptions {
  seed: number;
  threads: number;
  /** Of each thread. */
  calls: number;
  /** The emulated GPU, for the first thread. */
  library?: string;
}

/** Node has no sanitizers of its own, so their library must be there before it. Leak detection needs to trace processes. */
const environment = () => ({
  ...process.env,
  LD_PRELOAD: spawnSync(process.env.CXX ?? "c++", ["-print-file-name=libasan.so"], { encoding: "utf8" }).stdout.trim(),
  ASAN_OPTIONS: "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0",
  UBSAN_OPTIONS: "print_stacktrace=1",
});

/** The counts of all threads together. Throws with its report, the last calls of its threads and how to repeat them, if it found something. */
export async function fuzz({ seed, threads, calls, library }: FuzzOptions): Promise<Counts> {
  const folder = mkdtempSync(path.join(tmpdir(), "distill-fuzz-"));
  try {
    await bundle(folder);
    const args = [path.join(folder, "program.mjs"), addon, seed, threads, calls, folder, ...(library ? [library] : [])].map(String);
    const { status, signal, stdout, stderr } = await ended(spawn(process.execPath, args, { env: environment() }));
    const counts = () => stdout.trim().split("\n");
    if (status === 0 && stderr === "") return total(counts().map((line) => JSON.parse(line) as Counts));
    const last = readdirSync(folder).filter((name) => name.startsWith("thread-"));
    const places = last.map((name) => `${name}: ${readFileSync(path.join(folder, name), "utf8").trim()}`);
    throw new Error(`${stderr}\nfound with DISTILL_SEED=${seed}, ${threads} threads, in ${places.join(", ")} (${signal ?? `status ${status}`})`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function ended(child: ChildProcessWithoutNullStreams) {
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
    });
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return { status, signal, ...said };
}

function total(threads: Counts[]): Counts {
  const sum: Counts = { accepted: {}, refused: 0 };
  for (const { accepted, refused } of threads) {
    sum.refused += refused;
    for (const [variant, counts] of Object.entries(accepted)) {
      sum.accepted[variant] ??= {};
      const all = sum.accepted[variant];
      for (const [name, count] of Object.entries(counts)) all[name] = (all[name] ?? 0) + count;
    }
  }
  return sum;
}

async function bundle(folder: string): Promise<void> {
  const lib = { entry: fileURLToPath(new URL("program.ts", import.meta.url)), formats: ["es" as const], fileName: () => "program.mjs" };
  const external = builtinModules.flatMap((name) => [name, `node:${name}`]);
  const outDir = { outDir: folder, emptyOutDir: false };
  await build({ configFile: false, logLevel: "warn", publicDir: false, build: { ...outDir, target: "node20", ssr: true, lib, rolldownOptions: { external } } });
}

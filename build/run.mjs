// Runs programs and remembers which set-up steps are done.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const stamps = path.join(root, "node_modules", ".cache", "distill-studio");

/** Runs a program without showing its output; on failure throws with the end of that output. */
export function run(command, args, options = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (error?.code === "ENOENT") throw new Error(`${command} is not installed`);
  if (error) throw error;
  if (status === 0) return stdout;
  const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-40).join("\n");
  throw new Error(`${[command, ...args].join(" ")} failed (${signal ?? `status ${status}`}):\n${tail}`);
}

/** Runs a program in the foreground and resolves with its exit status. The program handles Ctrl-C itself. */
export function runForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
    const ignore = () => {};
    process.on("SIGINT", ignore).on("SIGTERM", ignore);
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      process.off("SIGINT", ignore).off("SIGTERM", ignore);
      resolve(signal ? 1 : status);
    });
  });
}

export const has = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;

/** The product's native code. The rigs in native/testing are no part of it. */
export const nativeSources = readdirSync(path.join(root, "native"))
  .filter((name) => name !== "build" && name !== "testing")
  .map((name) => path.join("native", name));

/** Hashes files and folders (relative to the root), so that a step knows whether its input has changed. */
export function fingerprint(paths) {
  const hash = createHash("sha256");
  const visit = (relative) => {
    const file = path.join(root, relative);
    if (!existsSync(file)) return;
    if (statSync(file).isDirectory()) {
      for (const name of readdirSync(file).sort()) visit(path.join(relative, name));
      return;
    }
    hash.update(relative).update(readFileSync(file));
  };
  for (const relative of paths) visit(relative);
  return hash.digest("hex");
}

/** Runs a step of the set-up, unless it already ran with the same input and its products still exist. */
export async function step(name, { inputs, products }, work) {
  const stamp = path.join(stamps, name);
  const current = () => `${process.version} ${fingerprint(inputs)}`;
  const before = current();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === before && products.every((product) => existsSync(path.join(root, product)))) return;
  process.stderr.write(`set-up: ${name} ...`);
  const start = Date.now();
  await work();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, before);
  process.stderr.write(` done in ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
}

// npm run check: types, lint and format of everything, and how much of the renderer its tests cover. Every gate runs, even if an earlier one fails.
import { readdirSync } from "node:fs";
import path from "node:path";
import { root, run } from "./run.mjs";

const cppFiles = readdirSync(path.join(root, "native"), { recursive: true })
  .filter((name) => /\.(cpp|h|cu|cuh)$/.test(name) && !name.startsWith("build"))
  .map((name) => path.join("native", name));

const bin = (name) => path.join("node_modules", ...name.split("/"));
const gates = [
  ["types", bin("typescript/bin/tsc"), ["-p", "."]],
  ["types of the renderer", bin("svelte-check/bin/svelte-check"), ["--tsconfig", "src-renderer/tsconfig.json", "--fail-on-warnings", "--output", "human"]],
  ["lines of the renderer that tests reach", bin("vitest/vitest.mjs"), ["run", "test/renderer", "--coverage", "--no-isolate"]],
  ["lint and format", bin("@biomejs/biome/bin/biome"), ["check", "--error-on-warnings", "."]],
  ["format of C++", bin("clang-format/index.js"), ["--dry-run", "-Werror", ...cppFiles]],
];

/** Runs all gates; returns how many passed, and which failed. */
export function check() {
  const counts = { passed: 0, failures: [] };
  for (const [name, program, args] of gates) {
    try {
      run(process.execPath, [program, ...args]);
      counts.passed++;
      console.log(`check: ${name}: ok`);
    } catch (error) {
      counts.failures.push({ name: `check: ${name}`, reason: "see above" });
      console.log(`check: ${name}: FAILED\n${error.message}`);
    }
  }
  return counts;
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.exit(check().failures.length === 0 ? 0 : 1);

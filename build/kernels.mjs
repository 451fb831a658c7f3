// node build/kernels.mjs: writes docs/cuda-kernels.md, the resources that each kernel uses, from ptxas's reports of the last time that the CUDA
// library was compiled for all architectures. `npm test` checks `unexplainedSpills`.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildCuda, cudaObjects, cudaSources, releaseArchitectures } from "./cuda.mjs";
import { root, run } from "./run.mjs";

const file = path.join(root, "docs/cuda-kernels.md");
const SHOWN = ["sm_80", "sm_90", "sm_120"];
const NOTES = "## Notes";

/** [{ source, kernel, architecture, registers, spills, stack, shared }], spills, stack and shared in bytes */
function kernels() {
  return cudaSources().flatMap((source) => {
    const log = path.join(root, cudaObjects, `${source}.o.log`);
    if (!existsSync(log)) throw new Error(`${log} is missing: compile the CUDA library for all architectures first (npm run cuda)`);
    return inLog(readFileSync(log, "utf8")).map((kernel) => ({ source, ...kernel }));
  });
}

const ENTRY =
  /Compiling entry function '(\S+)' for '(\w+)'[\s\S]*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads[\s\S]*?Used (\d+) registers(.*)/g;

function inLog(text) {
  const found = [...text.matchAll(ENTRY)];
  if (found.length === 0) return [];
  const names = run("c++filt", [], { input: found.map(([, symbol]) => symbol).join("\n") })
    .trim()
    .split("\n");
  return found.map(([, , architecture, stack, stores, loads, registers, rest], i) => ({
    kernel: shortName(names[i]),
    architecture,
    registers: Number(registers),
    spills: Number(stores) + Number(loads),
    stack: Number(stack),
    shared: Number(/(\d+) bytes smem/.exec(rest)?.[1] ?? 0),
  }));
}

/** "void distill::cuda::elements<distill::cuda::add(distill::Add const&)::{lambda(long)#1}>(long, ...)" -> "elements<add#1>" */
function shortName(demangled) {
  let name = demangled.replaceAll("(anonymous namespace)::", "").replace(/^void /, "");
  for (let before = ""; before !== name; ) {
    before = name;
    name = name.replace(/\([^()]*\)/g, "");
  }
  return name
    .replace(/\b(distill|gpu|cuda)::/g, "")
    .replace(/(?: const)?::\{lambda(#\d+)\}/g, "$1")
    .replaceAll("> >", ">>");
}

const notes = () => (existsSync(file) ? readFileSync(file, "utf8").split(NOTES)[1] : null) ?? "\n\nNo kernel spills.\n";

/** Kernels that spill registers to memory, on any architecture, without an entry in the notes. */
export function unexplainedSpills() {
  const spilling = kernels().filter(({ spills }) => spills > 0);
  return spilling
    .filter(({ kernel }) => !notes().includes(`\`${kernel}\``))
    .map((each) => `${each.source}: ${each.kernel} on ${each.architecture}: ${each.spills} bytes`);
}

function table() {
  const rows = new Map();
  for (const { source, kernel, architecture, ...use } of kernels()) {
    const key = `${source} | \`${kernel}\``;
    rows.set(key, { ...rows.get(key), [architecture]: use });
  }
  const cell = ({ registers, spills, shared } = {}) =>
    registers === undefined ? "-" : `${registers}${spills ? `, ${spills} spilled` : ""}${shared ? `, ${shared}` : ""}`;
  return [...rows].map(([key, use]) => `| ${key} | ${SHOWN.map((architecture) => cell(use[architecture])).join(" | ")} |`).join("\n");
}

function compilerVersion() {
  const nvcc = existsSync("/usr/local/cuda/bin/nvcc") ? "/usr/local/cuda/bin/nvcc" : "nvcc";
  return /release [\d.]+, V([\d.]+)/.exec(run(nvcc, ["--version"]))[1];
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await buildCuda(releaseArchitectures);
  writeFileSync(
    file,
    `# Resources of the CUDA kernels

Written by \`node build/kernels.mjs\` with nvcc ${compilerVersion()}. A cell holds the registers per thread, the bytes of registers spilled to memory if there
are any, and the bytes of static shared memory per block. \`npm test\` fails on a kernel that spills, on any architecture of a release, unless the notes name it.

| file | kernel | ${SHOWN.join(" | ")} |
| --- | --- | ${SHOWN.map(() => "---").join(" | ")} |
${table()}

${NOTES}${notes()}`,
  );
  console.log(`wrote ${file}`);
}

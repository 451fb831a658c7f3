// Prepares a fresh clone: dependencies, native addon, bundles. Each step is skipped if its input has not changed.
import { existsSync } from "node:fs";
import path from "node:path";
import { buildCuda, hasDriver, noNvcc } from "./cuda.mjs";
import { has, nativeSources, root, run, step } from "./run.mjs";
import { installSystemPackages } from "./system.mjs";

export async function setUp() {
  await step("dependencies", { inputs: ["package-lock.json"], products: ["node_modules/vite"] }, () =>
    run("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"], { shell: process.platform === "win32" }),
  );
  await step("native addon", { inputs: nativeSources, products: ["native/build/Release/distill_core.node"] }, buildAddon);
  // A machine with a driver and nvcc is meant to use its GPU.
  if (hasDriver() && !noNvcc()) await buildCuda();
  const { bundleInputs, bundleAll, bundleProducts } = await import("./bundle.mjs");
  await step("bundles", { inputs: bundleInputs, products: bundleProducts }, bundleAll);
}

function buildAddon() {
  if (!has("cmake") || !has("c++")) installSystemPackages(["cmake", "g++", "make"]);
  if (!has("cmake"))
    throw new Error("the native addon is built with CMake (3.20 or later), which is not installed. Install cmake and a C++20 compiler, then try again.");
  run(process.execPath, [path.join(root, "node_modules/cmake-js/bin/cmake-js"), "build"], { cwd: path.join(root, "native") });
  if (!existsSync(path.join(root, "native/build/Release/distill_core.node")))
    throw new Error("the native build ended without native/build/Release/distill_core.node");
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await setUp();
  const { renewElectron } = await import("./electron.mjs");
  renewElectron();
}

// Bundles app (main, preload), engine and cli as CommonJS for Node 16.17 (Electron 22), and the renderer for Chrome 108.

import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build } from "vite";
import { root } from "./run.mjs";

export const bundleInputs = ["src-main", "src-renderer", "build/bundle.mjs", "package.json", "package-lock.json"];

// Loaded at run time, not bundled: Electron itself, sharp (it has native parts), and Node's built-in modules.
const external = ["electron", "sharp", ...builtinModules.flatMap((name) => [name, `node:${name}`])];

const nodeBundles = [
  { out: "app", name: "main", entry: "src-main/app/main.ts" },
  { out: "app", name: "preload", entry: "src-main/app/preload.ts" },
  { out: "engine", name: "engine", entry: "src-main/engine/main.ts" },
  { out: "cli", name: "distill", entry: "src-main/cli/distill.ts" },
  // What a cluster runs.
  { out: "ray", name: "job", entry: "src-main/ray/job.ts" },
];

export const bundleProducts = [...nodeBundles.map(({ out, name }) => `out/${out}/${name}.cjs`), "out/renderer/index.html"];

const nodeConfig = ({ out, name, entry }) => ({
  configFile: false,
  root,
  logLevel: "warn",
  publicDir: false,
  resolve: { conditions: ["node"], mainFields: ["module", "jsnext:main", "main"] },
  build: {
    outDir: `out/${out}`,
    emptyOutDir: false,
    target: "node16",
    minify: false,
    sourcemap: true,
    lib: { entry, formats: ["cjs"], fileName: () => `${name}.cjs` },
    rolldownOptions: { external, output: { exports: "auto" } },
  },
});

export const rendererConfig = {
  configFile: false,
  root: path.join(root, "src-renderer"),
  logLevel: "warn",
  base: "./",
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: path.join(root, "out/renderer"),
    emptyOutDir: true,
    target: "chrome108",
    modulePreload: false,
    assetsInlineLimit: 0,
    // In kB: the page is read from this computer's disk, not from a network.
    chunkSizeWarningLimit: 2000,
  },
};

export async function bundleAll() {
  for (const bundle of nodeBundles) await build(nodeConfig(bundle));
  await build(rendererConfig);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  // For work on one part: node build/bundle.mjs engine cli
  const parts = process.argv.slice(2);
  const wanted = (part) => parts.length === 0 || parts.includes(part);
  for (const bundle of nodeBundles) if (wanted(bundle.out) && existsSync(path.join(root, bundle.entry))) await build(nodeConfig(bundle));
  if (wanted("renderer") && existsSync(path.join(root, "src-renderer/index.html"))) await build(rendererConfig);
}

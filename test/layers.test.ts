import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

// Which folders a folder may import from. `+types` allows `import type` only.
const allowed: Record<string, string[]> = {
  "src-main/contract": [],
  "src-main/backend": ["contract"],
  "src-main/tensor": ["contract", "backend"],
  "src-main/nn": ["contract", "backend", "tensor"],
  "src-main/models": ["contract", "backend", "tensor", "nn"],
  "src-main/data": ["contract", "backend", "tensor", "nn", "models"],
  "src-main/training": ["contract", "backend", "tensor", "nn", "models", "data"],
  "src-main/runs": ["contract", "backend", "tensor", "nn", "models", "data", "training"],
  "src-main/bench": ["contract", "backend", "tensor", "nn", "models", "training"],
  "src-main/engine": ["contract", "backend", "tensor", "nn", "models", "data", "training", "runs", "bench"],
  "src-main/engine-client": ["contract"],
  "src-main/app": ["contract", "engine-client"],
  "src-main/cli": ["contract", "engine-client"],
  "src-renderer": ["contract", "engine-client/client", "engine-client/channel"],
};

const root = path.resolve(__dirname, "..");
const importPattern = /(?:from\s+|import\s+|import\()["'](\.[^"']*)["']/g;

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|svelte|mts|js)$/.test(name))
    .map((name) => path.join(folder, name));
}

/** The imports of a file that leave its own folder, as paths relative to the root; anything may read the version in package.json. */
function importsOutOf(folder: string, file: string): string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(importPattern)]
    .map(([, specifier]) => path.relative(root, path.resolve(root, path.dirname(file), specifier!)))
    .filter((target) => target !== "package.json" && !`${target}/`.startsWith(`${folder}/`));
}

test.each(Object.keys(allowed))("%s imports only from folders above it", (folder) => {
  expect(existsSync(path.join(root, folder))).toBe(true);
  const permitted = allowed[folder]!.map((name) => `src-main/${name}`);
  const forbidden = sources(folder).flatMap((file) =>
    importsOutOf(folder, file)
      .filter((target) => !permitted.some((name) => `${target}/`.startsWith(`${name}/`)))
      .map((target) => `${file} imports ${target}`),
  );
  expect(forbidden).toEqual([]);
});

test("every folder of src-main is in the table", () => {
  const folders = readdirSync(path.join(root, "src-main"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) expect(Object.keys(allowed)).toContain(`src-main/${name}`);
});

test.each(["src-main/contract", "src-renderer"])("%s uses nothing of Node", (folder) => {
  const users = sources(folder).filter((file) => /from ["'](node:|electron)/.test(readFileSync(path.join(root, file), "utf8")));
  expect(users).toEqual([]);
});

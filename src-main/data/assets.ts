import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The bundled CIFAR-10 sample, or null if this copy of the program came without it. */
export function bundledData(): string | null {
  return findAsset(join("cifar-10-sample", "cifar-10-batches-bin"));
}

/** A file of the bundled teacher by its name, or null if this copy of the program came without it. */
export function bundledTeacher(file: string): string | null {
  return findAsset(join("teacher", file));
}

/** A packaged app has `assets` among its resources; the source tree and the bundle (out/<part>) have it in a folder above this file. */
function findAsset(path: string): string | null {
  const { resourcesPath } = process as { resourcesPath?: string };
  const roots = resourcesPath ? [resourcesPath, ...foldersAbove(__dirname)] : foldersAbove(__dirname);
  return roots.map((root) => join(root, "assets", path)).find(existsSync) ?? null;
}

function foldersAbove(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersAbove(parent)];
}

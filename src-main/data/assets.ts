import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundledBackbone } from "../contract/families";

/** The bundled CIFAR-10 sample, or null if this copy of the program came without it. */
export function bundledData(): string | null {
  return findAsset(join("cifar-10-sample", "cifar-10-batches-bin"));
}

/** Models whose weights come with the program, best first. */
export const bundledTeachers: readonly string[] = ["resnet18_cifar10", "resnet20_cifar10"];

/** The weights file of a bundled teacher; null if there is none, or if this copy of the program came without it. */
export function bundledTeacher(model: string): string | null {
  return bundledTeachers.includes(model) ? findAsset(join("teacher", `${model}.safetensors`)) : null;
}

/** The weights file of the bundled backbone; null if this copy of the program came without it. */
export function bundledBackboneFile(): string | null {
  return findAsset(join("backbone", `${bundledBackbone.model}.safetensors`));
}

/** A packaged app has `assets` among its resources. In the source tree and for a bundle (out/<part>) it lies in a folder above this file. */
function findAsset(path: string): string | null {
  const { resourcesPath } = process as { resourcesPath?: string };
  const roots = resourcesPath ? [resourcesPath, ...foldersAbove(__dirname)] : foldersAbove(__dirname);
  return roots.map((root) => join(root, "assets", path)).find(existsSync) ?? null;
}

function foldersAbove(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersAbove(parent)];
}

/** The table of settings as the tree that a recipe is. */
import type { Setting } from "./setting";
import { controlKeys, sections, settingAt, settingKeys } from "./settings";

export type Tree = { [name: string]: Tree | Setting };

function buildTree(): Tree {
  const tree: Tree = {};
  for (const key of [...settingKeys, ...controlKeys]) {
    const names = key.split(".");
    const parent = names.slice(0, -1).reduce<Tree>((part, name) => {
      part[name] ??= {};
      return part[name] as Tree;
    }, tree);
    parent[names.at(-1)!] = settingAt(key)!;
  }
  return tree;
}

export function isSetting(branch: Tree | Setting): branch is Setting {
  return typeof branch.kind === "string";
}

export const tree = buildTree();
/** What a distillation has besides its terms. */
export const distillationRows = tree.distillation as { readonly [name: string]: Setting };

/** Whether a part of a recipe may be null. */
export function isNullableSection(key: string): boolean {
  return Object.hasOwn(sections, key) && sections[key as keyof typeof sections].nullable;
}

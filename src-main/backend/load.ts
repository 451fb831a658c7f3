import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Addon } from "./addon";

const FILE = join("native", "build", "Release", "distill_core.node");

/**
 * Loads the native addon from `path`, by default the one built beside this program, whether that runs from its sources, from the bundle
 * or from a packaged app. Throws an Error that says where it looked and what to do.
 */
export function loadAddon(path: string = addonPath()): Addon {
  try {
    return createRequire(__filename)(path) as Addon;
  } catch (error) {
    throw new Error(`the native addon ${path} cannot be loaded: ${(error as Error).message}. Build it again with: npm run setup`, { cause: error });
  }
}

/** The addon built beside this program. Throws if there is none. */
export function addonPath(): string {
  const folders = ancestors(unpacked(__dirname));
  const path = folders.map((folder) => join(folder, FILE)).find((candidate) => existsSync(candidate));
  if (!path) throw new Error(`the native addon is missing: no ${FILE} in ${folders.join(", ")}. Build it with: npm run setup`);
  return path;
}

/** The system cannot open a library inside an asar archive, so packaging puts it next to the archive, in app.asar.unpacked. */
function unpacked(folder: string): string {
  return folder.replace(/app\.asar(?=$|[\\/])/, "app.asar.unpacked");
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}

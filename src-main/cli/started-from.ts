import { existsSync, realpathSync } from "node:fs";
import path from "node:path";

/**
 * What starts the program of the source tree `root` from each of these folders: that of the process, and the one that npm was called in. npx takes what it
 * finds in the project around the folder, and asks the registry for anything else.
 */
export function programFrom(root: string, folders: readonly string[]): string[] {
  const own = realpathSync(root);
  return folders.every((folder) => projectAround(folder) === own) ? ["npx", "distill"] : ["node", path.join(own, "build", "distill.mjs")];
}

/**
 * What starts the command line of an installed app, whose program is `executable`: by its name where a folder of the PATH has it or a link to it, as the
 * Debian package makes one.
 */
export function installedProgram(executable: string, folders: readonly string[]): string[] {
  const command = path.join(path.dirname(executable), "bin", "distill");
  const leadsThere = (folder: string) => {
    try {
      return realpathSync(path.join(folder, "distill")) === realpathSync(command);
    } catch {
      return false;
    }
  };
  return [folders.some(leadsThere) ? "distill" : command];
}

/** As npm finds it: the nearest folder with a package.json or node_modules; null if there is none. */
function projectAround(folder: string): string | null {
  const isProject = ["package.json", "node_modules"].some((name) => existsSync(path.join(folder, name)));
  if (isProject) return realpathSync(folder);
  const parent = path.dirname(folder);
  return parent === folder ? null : projectAround(parent);
}

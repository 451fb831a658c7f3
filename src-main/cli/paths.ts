import { homedir } from "node:os";
import path from "node:path";
import { InputError } from "../contract/failure";
import { isHubPath } from "../contract/hub-path";

/** The absolute path of what a person wrote: "~" and "~/..." are the home folder, and a relative path starts from `folder`. hf:owner/name stays. */
export function absolutePath(written: string, folder: string): string {
  if (isHubPath(written)) return written;
  return path.resolve(folder, /^~(?=$|[\\/])/.test(written) ? path.join(home(), written.slice(1)) : written);
}

function home(): string {
  try {
    return homedir();
  } catch (cause) {
    throw new InputError("the home folder, which ~ stands for, is not known: write the whole path", { cause });
  }
}

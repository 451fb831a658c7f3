import { type ArithmeticChoice, EARLIER } from "../contract/arithmetic";
import { InputError } from "../contract/failure";
import type { RunHeader } from "./files";
import { readHead } from "./header";
import { runFolders } from "./reader";

/** In what arithmetic the first run in a folder, or the run that it is, computes; null if none that can be read has begun. */
export function choiceIn(directory: string): ArithmeticChoice | null {
  for (const folder of runFolders(directory)) {
    const header = headerOrNull(folder);
    if (header) return { ...(header.arithmetic ?? EARLIER), precision: header.recipe.train.precision };
  }
  return null;
}

function headerOrNull(folder: string): RunHeader | null {
  try {
    return readHead(folder).header;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

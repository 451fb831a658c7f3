import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { InputError } from "../contract/failure";

/** Throws an InputError if one of a comparison's own files is there already. */
export function expectAbsent(files: readonly string[]): void {
  const taken = files.find(existsSync);
  if (taken) throw new InputError(`${taken} exists already, and a comparison in that folder would write over it: choose another folder`);
}

/** Before hours of work for a folder that cannot be made: the nearest one that exists must take new files. */
export function expectWritable(out: string): void {
  let existing = out;
  while (!existsSync(existing)) existing = dirname(existing);
  if (!statSync(existing).isDirectory()) throw new InputError(`${existing} is a file: expected a folder to write the run into; choose another name`);
  try {
    accessSync(existing, constants.W_OK);
  } catch (cause) {
    throw new InputError(`${existing} cannot be written to: ${(cause as Error).message}; choose another folder for the run`, { cause });
  }
}

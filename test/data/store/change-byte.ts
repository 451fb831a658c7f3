import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** Turns one bit of a file. */
export function changeByte(path: string, position: number): void {
  const file = openSync(path, "r+");
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, position);
  writeSync(file, Uint8Array.of(byte[0]! ^ 1), 0, 1, position);
  closeSync(file);
}

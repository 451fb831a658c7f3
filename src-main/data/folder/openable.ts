import { readFile } from "node:fs/promises";
import type { ImageFile } from "../decode";
import { isEscaped, shownPath, systemPath } from "./names";

/** The file as decoders take it: they open no path that is not UTF-8, so they get the bytes of such a file. */
export async function openable({ path, bytes }: ImageFile): Promise<ImageFile> {
  if (bytes || !isEscaped(path)) return { path, ...(bytes && { bytes }) };
  return { path: shownPath(path), bytes: await readFile(systemPath(path)) };
}

/** Files and folders that a browser may fetch: each at an address that nobody can guess, for as long as the server runs. */

import { randomBytes } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { realPathOf } from "../disk/within";
import { filesToZip, zipOfFolder } from "../disk/zip-folder";

/** Where they are. */
export const DELIVERIES_PATH = "/files/";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".zip": "application/zip",
};

export class Deliveries {
  readonly #files = new Map<string, Delivered>();

  /** The address of a file or folder. The same each time, so that a tab with a report can be reloaded. Throws an InputError if a folder is too large. */
  linkTo(file: string): string {
    const isFolder = statSync(file).isDirectory();
    if (isFolder) filesToZip(file, KEPT_BACK);
    const known = [...this.#files].find(([, other]) => other.file === file)?.[0];
    const id = known ?? randomBytes(16).toString("base64url");
    this.#files.set(id, { file, real: realPathOf(file) });
    return `${DELIVERIES_PATH}${id}/${encodeURIComponent(nameOf(file, isFolder))}`;
  }

  /** What is at an address; null if nothing is, or a link has come in its place. */
  at(pathname: string): Delivery | null {
    const delivered = this.#files.get(pathname.slice(DELIVERIES_PATH.length).split("/")[0]!);
    const file = delivered && realPathOf(delivered.file) === delivered.real ? delivered.real : null;
    const stats = file === null ? undefined : statSync(file, { throwIfNoEntry: false });
    if (file === null || !stats) return null;
    if (stats.isDirectory()) return { headers: headersOf(nameOf(file, true)), content: Readable.from(zipOfFolder(file, filesToZip(file, KEPT_BACK))) };
    return stats.isFile() ? { headers: { ...headersOf(nameOf(file, false)), "content-length": stats.size }, content: createReadStream(file) } : null;
  }
}

/** A lock says how another process may follow and stop the run. */
const KEPT_BACK = ["lock"];

/** By which the browser saves it: a folder is an archive there. */
const nameOf = (file: string, isFolder: boolean): string => `${path.basename(file)}${isFolder ? ".zip" : ""}`;

export interface Delivery {
  headers: Record<string, string | number>;
  content: Readable;
}

interface Delivered {
  file: string;
  /** Where links led when the page asked for it. */
  real: string | null;
}

/** Reports are shown, in a frame of nothing: what others wrote into one acts neither as our page nor at all. Everything else is saved. */
function headersOf(name: string): Record<string, string> {
  const ending = path.extname(name).toLowerCase();
  return {
    "content-type": TYPES[ending] ?? "application/octet-stream",
    "content-disposition": `${ending === ".html" ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(name)}`,
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
  };
}

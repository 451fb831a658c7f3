/** Files that a browser may fetch: each at an address that nobody can guess, for as long as the server runs. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { realPathOf } from "../disk/within";

/** Where they are. */
export const DELIVERIES_PATH = "/files/";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".json": "application/json; charset=utf-8",
};

export class Deliveries {
  readonly #files = new Map<string, Delivered>();

  /** The address of a file. The same each time, so that a tab with a report can be reloaded. */
  linkTo(file: string): string {
    const known = [...this.#files].find(([, other]) => other.file === file)?.[0];
    const id = known ?? randomBytes(16).toString("base64url");
    this.#files.set(id, { file, real: realPathOf(file) });
    return `${DELIVERIES_PATH}${id}/${encodeURIComponent(path.basename(file))}`;
  }

  /** The file at an address; null if there is none, or a link has come in its place. */
  fileAt(pathname: string): string | null {
    const delivered = this.#files.get(pathname.slice(DELIVERIES_PATH.length).split("/")[0]!);
    return delivered && realPathOf(delivered.file) === delivered.real ? delivered.real : null;
  }
}

interface Delivered {
  file: string;
  /** Where links led when the page asked for it. */
  real: string | null;
}

/** Reports are shown, in a frame of nothing: what others wrote into one acts neither as our page nor at all. Everything else is saved. */
export function deliveryHeaders(file: string): Record<string, string> {
  const ending = path.extname(file).toLowerCase();
  return {
    "content-type": TYPES[ending] ?? "application/octet-stream",
    "content-disposition": `${ending === ".html" ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(path.basename(file))}`,
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
  };
}

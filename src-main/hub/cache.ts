/**
 * The cache of Python's huggingface_hub, which both programs share: models--owner--name with blobs/<etag>, the files by their content;
 * snapshots/<commit>/<file>, links to these; refs/<revision>, which hold a commit.
 */

import { copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { HubAddress } from "../contract/hub-path";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";

const COMMIT = /^[0-9a-f]{40}$/;

export class RepositoryCache {
  readonly #root: string;

  constructor(cache: string, repository: string) {
    this.#root = join(cache, `models--${repository.replace("/", "--")}`);
  }

  /** The commit of a revision when it was last asked for; null if it never was. */
  commitOf(revision: string): string | null {
    if (COMMIT.test(revision)) return revision;
    const ref = join(this.#root, "refs", revision);
    const commit = existsSync(ref) ? readFileSync(ref, "utf8").trim() : "";
    return COMMIT.test(commit) ? commit : null;
  }

  /** A file of a commit; null if it is not here. */
  find(commit: string, file: string): string | null {
    const path = this.#snapshot(commit, file);
    return existsSync(path) ? path : null;
  }

  /** Files of a commit that are here. */
  filesOf(commit: string): string[] {
    const folder = join(this.#root, "snapshots", commit);
    return existsSync(folder) ? namesBelow(folder) : [];
  }

  /** Where the content with a hash lies, or will lie; its folder is made. */
  blob(hash: string): string {
    return withFolder(join(this.#root, "blobs", hash));
  }

  /** Gives a content its name in a commit, which is now that of the revision. Returns its path. */
  keep({ revision }: HubAddress, commit: string, file: string, hash: string): string {
    const path = withFolder(this.#snapshot(commit, file));
    const blob = this.blob(hash);
    if (!existsSync(path)) link(blob, path);
    if (!COMMIT.test(revision)) writeWhole(withFolder(join(this.#root, "refs", revision)), commit);
    return path;
  }

  #snapshot(commit: string, file: string): string {
    return join(this.#root, "snapshots", commit, ...file.split("/"));
  }
}

/** Not by `recursive`, which Node has from 18.17 and ignores before. */
function namesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? namesBelow(join(folder, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name],
  );
}

/** As Python does it. Where the system makes no links, a copy. */
function link(blob: string, path: string): void {
  try {
    symlinkSync(relative(dirname(path), blob), path);
  } catch {
    copyFileSync(blob, path);
  }
}

function withFolder(path: string): string {
  makeFolder(dirname(path));
  return path;
}

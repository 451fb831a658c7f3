/** The folders that a browser may pick from. A link counts as what it leads to. */
import { type Dirent, lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { InputError } from "../contract/failure";
import type { Entry, Listing } from "../contract/served";
import { naming } from "../disk/open-file";
import { isWithin } from "../disk/within";

/** Of a folder, so many entries are shown: one with a million images would fill the page's memory. */
const MOST_ENTRIES = 2000;

export class Roots {
  readonly folders: readonly string[];

  /** Throws an InputError if one of them is no folder. */
  constructor(folders: readonly string[]) {
    this.folders = folders.map(realFolder);
  }

  /** Whether the path is a root or below one, as it is written and where links lead. */
  allow(file: string): boolean {
    return path.isAbsolute(file) && !file.includes("\0") && !file.split(/[\\/]/).includes("..") && this.folders.some((root) => isWithin(file, root));
  }

  /** Throws an InputError that says where one may look, if not there. */
  expect(file: string): void {
    if (!this.allow(file))
      throw new InputError(`${file} is not in a folder that this server opens: ${this.folders.join(", ")}. distill serve --root DIR adds one.`);
  }

  /** Something that is there, without links on the way to it. */
  existing(file: string, kind: "folder" | "file"): string {
    this.expect(file);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats) throw new InputError(`${file} is not there.`);
    if (kind === "folder" ? !stats.isDirectory() : !stats.isFile()) throw new InputError(`${file} is no ${kind}.`);
    return realpathSync(file);
  }

  /** Something that is to be written, in a folder that is there. */
  writable(file: string): string {
    this.expect(file);
    const parent = this.existing(path.dirname(file), "folder");
    const place = path.join(parent, path.basename(file));
    this.expect(place);
    return place;
  }

  /** `fits`: which files are shown; `part`: only names that contain it, in any case. */
  list(folder: string, fits: (name: string) => boolean, part: string): Listing {
    const real = this.existing(folder, "folder");
    const all = naming(real, "read", () => readdirSync(real, { withFileTypes: true }));
    const seen = all.filter(({ name }) => !name.startsWith("."));
    const folded = part.toLowerCase();
    const named = seen.filter(({ name }) => name.toLowerCase().includes(folded));
    const found = named.map((entry) => ({ name: entry.name, kind: this.#kind(real, entry, fits) }));
    const order = new Intl.Collator("en", { numeric: true });
    const shown = found.filter(({ kind }) => kind === "folder" || kind === "file").map(({ name, kind }) => ({ name, isFolder: kind === "folder" }));
    shown.sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || order.compare(a.name, b.name));
    const counted = (kind: Kind) => found.filter((each) => each.kind === kind).length;
    return {
      path: real,
      entries: shown.slice(0, MOST_ENTRIES).map((each) => ({ ...each, ...sizeOf(path.join(real, each.name)) })),
      left: { hidden: all.length - seen.length, unfit: counted("unfit"), outside: counted("outside"), nameless: counted("nameless") },
      more: Math.max(0, shown.length - MOST_ENTRIES),
    };
  }

  #kind(parent: string, entry: Dirent, fits: (name: string) => boolean): Kind {
    const file = path.join(parent, entry.name);
    // What is not UTF-8 is read as this character.
    if (entry.name.includes("\ufffd") && !lstatSync(file, { throwIfNoEntry: false })) return "nameless";
    const target = entry.isSymbolicLink() ? this.#target(file) : entry;
    if (!target) return "outside";
    if (target.isDirectory()) return "folder";
    return target.isFile() && fits(entry.name) ? "file" : "unfit";
  }

  /** What a link leads to; null if that is not in the roots, or nowhere. */
  #target(link: string): Stats | null {
    return this.allow(link) ? (statSync(link, { throwIfNoEntry: false }) ?? null) : null;
  }
}

type Kind = "folder" | "file" | "unfit" | "outside" | "nameless";

function realFolder(folder: string): string {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new InputError(`--root ${folder}: there is no such folder`);
  return realpathSync(folder);
}

function sizeOf(file: string): Pick<Entry, "bytes" | "changed"> {
  const stats = statSync(file, { throwIfNoEntry: false });
  return { bytes: stats?.isFile() ? stats.size : 0, changed: stats?.mtimeMs ?? 0 };
}

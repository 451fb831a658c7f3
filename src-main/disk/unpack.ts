/** Archives of files by anybody: .zip, .tar and .tar.gz, told apart by their content. */
import { lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { InputError } from "../contract/failure";
import { makeFolder } from "./make-folder";
import { naming, OpenFile, withFile } from "./open-file";
import { untar } from "./untar";
import { ZipFile } from "./zip";

export interface UnpackOptions {
  /** How the archive is called in errors, where its own name tells nobody anything. */
  name?: string;
  /** How much of it is unpacked, from 0 to 1. */
  onProgress?: (share: number) => void;
}

/** Of one file in a zip archive, which is in memory for a moment. */
const LARGEST_FILE = 1 << 30;

/**
 * Unpacks all files into a new folder. Throws an InputError, and may leave a part, if it is no such archive, if it is damaged or truncated, if it holds links or
 * devices, if a path leads out of the folder or two entries have the same, and if the disk is full.
 */
export async function unpack(archive: string, into: string, { name = archive, onProgress = () => {} }: UnpackOptions = {}): Promise<void> {
  naming(into, "written", () => mkdirSync(into));
  const places = new Places(name, into);
  const kind = kindOf(archive);
  try {
    if (kind === "zip") await unzip(archive, name, places, onProgress);
    else if (kind === "tar") {
      const { size } = lstatSync(archive);
      await untar(
        archive,
        ({ name: entry, kind, type }) => {
          if (kind === "other") throw places.refusal(entry, LINKS[type] ?? `is a device or of a kind that is not known (${type})`);
          return kind === "folder" ? places.folder(entry) : places.file(entry);
        },
        (read) => onProgress(read / size),
      );
    } else throw new InputError(`${name} is ${kind}: expected an archive (.zip, .tar or .tar.gz)`);
  } catch (error) {
    if (error instanceof InputError && name !== archive) throw new InputError(error.message.replaceAll(archive, name), { cause: error });
    throw error;
  }
}

const LINKS: Record<string, string | undefined> = { "1": "is a link", "2": "is a link" };

async function unzip(archive: string, name: string, places: Places, onProgress: (share: number) => void): Promise<void> {
  const file = new OpenFile(archive, "r");
  try {
    const zip = new ZipFile(file, (why) => new InputError(`${name} cannot be unpacked: ${why}`));
    const { names } = zip;
    for (const [i, entry] of names.entries()) {
      if (zip.isLink(entry)) throw places.refusal(entry, "is a link");
      // Old programs of Windows write its own separators.
      const path = entry.replaceAll("\\", "/");
      const to = path.endsWith("/") ? places.folder(path) : places.file(path);
      if (to !== null) withFile(new OpenFile(to, "wx"), (unpacked) => unpacked.write(zip.readChecked(entry, LARGEST_FILE)));
      if (i % 100 === 0) await nextTurn();
      onProgress((i + 1) / names.length);
    }
  } finally {
    file.close();
  }
}

/** Where entries go below a folder. */
class Places {
  readonly #made = new Set<string>();

  constructor(
    private readonly archive: string,
    private readonly into: string,
  ) {}

  file(entry: string): string {
    const to = this.#within(entry);
    this.#make(dirname(to));
    if (lstatSync(to, { throwIfNoEntry: false })) throw this.refusal(entry, "is there twice");
    return to;
  }

  folder(entry: string): null {
    this.#make(this.#within(entry));
    return null;
  }

  refusal(entry: string, why: string): InputError {
    return new InputError(`${this.archive} holds "${entry}", which ${why}: expected files and folders alone, below the folder that it is unpacked to`);
  }

  #within(entry: string): string {
    const parts = entry.split("/").filter((part) => part !== "" && part !== ".");
    if (entry.startsWith("/") || parts.includes("..")) throw this.refusal(entry, "leads elsewhere");
    if (/[\\\0]/.test(entry)) throw this.refusal(entry, "has a name that not every system takes");
    return join(this.into, ...parts);
  }

  #make(folder: string): void {
    if (this.#made.has(folder)) return;
    naming(folder, "written", () => makeFolder(folder));
    this.#made.add(folder);
  }
}

/** "zip", "tar" (gzipped or not), or what it is instead, in words. */
function kindOf(archive: string): string {
  const start = Buffer.alloc(512);
  const length = withFile(new OpenFile(archive, "r"), (file) => file.read(start, 0));
  const begins = (...bytes: number[]) => start.subarray(0, bytes.length).equals(Buffer.from(bytes));
  if (begins(0x50, 0x4b)) return "zip";
  if (begins(0x1f, 0x8b) || start.toString("latin1", 257, 262) === "ustar") return "tar";
  if (length === 0) return "empty";
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return "compressed with xz, which this program does not read";
  if (begins(0x42, 0x5a, 0x68)) return "compressed with bzip2, which this program does not read";
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return "compressed with zstd, which this program does not read";
  if (begins(0x37, 0x7a, 0xbc, 0xaf)) return "a 7z archive, which this program does not read";
  const text = start.subarray(0, length).toString("utf8").trimStart();
  if (/^<(!doctype html|html|head|!--)/i.test(text)) return "an HTML page, as a server sends for signing in or for an error";
  return `no archive: it begins with ${JSON.stringify(text.slice(0, 40))}`;
}

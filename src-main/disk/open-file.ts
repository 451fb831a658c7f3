import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { InputError } from "../contract/failure";
import type { InTurns } from "../contract/turns";

/** Most bytes that are read, written or hashed at once: no call takes 2 GiB. A multiple of the size of any number. */
export const PIECE = 64 * 1024 * 1024;

/** An open file. Its errors are InputErrors that name it: the system's errors about an open file name no path. */
export class OpenFile {
  readonly #file: number;

  /** `path` is the name in errors, which may be more telling than where the file lies. */
  constructor(
    readonly path: string,
    flags: "r" | "w" | "wx" | "a",
    at = path,
  ) {
    this.#file = naming(path, flags === "r" ? "read" : "written", () => openSync(at, flags));
  }

  /** Bytes. */
  get size(): number {
    return this.#reading(() => fstatSync(this.#file).size);
  }

  /** What became of the file's name since it was opened. */
  get whereabouts(): "in place" | "replaced" | "deleted" {
    const open = this.#reading(() => fstatSync(this.#file));
    const there = this.#reading(() => statSync(this.path, { throwIfNoEntry: false }));
    if (!there) return "deleted";
    return there.ino === open.ino && there.dev === open.dev ? "in place" : "replaced";
  }

  /** Fills `bytes` from a position on. Returns how many bytes there were. */
  read(bytes: Uint8Array, position: number): number {
    return this.#reading(() => inPieces(bytes.length, (done, length) => readSync(this.#file, bytes, done, length, position + done)));
  }

  /** Writes all bytes, at a position or where the file is: a nearly full disk takes a part of them and reports success, until it takes none. */
  write(bytes: Uint8Array | string, position?: number): void {
    const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    const at = (done: number) => (position === undefined ? null : position + done);
    this.#writing(() => inPieces(all.length, (done, length) => writeSync(this.#file, all, done, length, at(done))));
  }

  /** When this returns, the content is on the disk. */
  sync(): void {
    this.#writing(() => fsyncSync(this.#file));
  }

  close(): void {
    naming(this.path, "closed", () => closeSync(this.#file));
  }

  #reading<T>(act: () => T): T {
    return naming(this.path, "read", act);
  }

  #writing<T>(act: () => T): T {
    return naming(this.path, "written", act);
  }
}

/** Runs `body` with an open file and closes it; what `body` throws counts more than a failure to close. */
export function withFile<T>(file: OpenFile, body: (file: OpenFile) => T): T {
  let result: T;
  try {
    result = body(file);
  } catch (error) {
    attempt(() => file.close());
    throw error;
  }
  file.close();
  return result;
}

const IS_FOLDER = ": there is a folder where a file is expected; move it away";
/** What helps against what the system refuses, where its own words do not tell. */
const REMEDIES: Record<string, string | undefined> = {
  EISDIR: IS_FOLDER,
  ENOTEMPTY: IS_FOLDER,
  ENAMETOOLONG: ": that is too long for this system; most take 255 bytes for each part of a path, and 4096 for all of it",
  ELOOP: ": its links lead in a circle",
  ENOSPC: ": the disk is full; make room there, or use a folder on another one",
  EDQUOT: ": your share of that disk is used up; make room there, or use a folder on another one",
  EROFS: ": that file system can only be read; make it writable, or use a folder elsewhere",
};

/** Runs `act`, and turns what the system refuses into an InputError that names the path. */
export function naming<T>(path: string, what: "read" | "written" | "closed" | "deleted" | "moved", act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    const remedy = REMEDIES[(cause as NodeJS.ErrnoException).code ?? ""] ?? "";
    throw new InputError(`${path} cannot be ${what} (${(cause as Error).message})${remedy}`, { cause });
  }
}

/** Whether the system refused something, as a full disk does. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/** Whether something failed as there is no room on a disk, whatever was made of the system's error since. */
export function isFullDisk(error: unknown): boolean {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  return code === "ENOSPC" || code === "EDQUOT" || (cause !== undefined && isFullDisk(cause));
}

/** Calls `move` until it has moved all bytes, or moves none. */
function inPieces(length: number, move: (done: number, length: number) => number): number {
  let done = 0;
  while (done < length) {
    const moved = move(done, Math.min(PIECE, length - done));
    if (moved === 0) break;
    done += moved;
  }
  return done;
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // Something worse is being reported.
  }
}

/** The text of a whole file. Throws an InputError if it cannot be read; a pipe or a device, which might never end, is refused. */
export function readText(path: string): string {
  return readBytes(path).toString("utf8");
}

/** Bytes that are decoded in one turn. */
const DECODED_AT_ONCE = 8 * 1024 * 1024;

/** The same of a file that may be long. */
export function* readTextInTurns(path: string): InTurns<string> {
  const bytes = readBytes(path);
  const decoder = new StringDecoder("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; at += DECODED_AT_ONCE) {
    yield;
    text += decoder.write(bytes.subarray(at, at + DECODED_AT_ONCE));
  }
  return text + decoder.end();
}

function readBytes(path: string): Buffer {
  return naming(path, "read", () => {
    if (!statSync(path).isFile()) throw new InputError(`${path} cannot be read: expected a file, got a folder or a device`);
    return readFileSync(path);
  });
}

/**
 * Who trains in a run folder: the file `lock`. It is made exclusively, and its owner also holds the system's lock on it, which ends with the
 * process, however that ends. Where file systems or systems have no such locks, process number, start time, boot and host decide. What cannot
 * be decided, such as a process on another computer that may be gone, is left to a person.
 */
import { closeSync, existsSync, fstatSync, fsyncSync, futimesSync, openSync, readSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { Addon } from "../backend/addon";
import { Held, InputError, PerhapsHeld } from "../contract/failure";
import type { RunOwner } from "../contract/run";
import { naming } from "../disk/open-file";
import { here, isAlive, processIdentity, startOf, thisProcess } from "../disk/process-identity";
import { backend } from "../tensor/tensor";
import { cannotBeWritten, lockFile } from "./files";

const schema = processIdentity.extend({
  program: z.enum(["app", "command line", "server"]),
  /** ISO 8601 */
  since: z.string(),
  /** The run under this lock, and where its owner can be asked about it. */
  run: z.string(),
  socket: z.string().nullable(),
  token: z.string(),
});
export type LockContent = z.infer<typeof schema>;
/** What the owner says of itself. */
type About = Pick<LockContent, "program" | "run" | "socket" | "token">;

/** What a lock says of its owner, and what is known. unknown: it may be alive where this process cannot see it. */
export interface Holder {
  content: LockContent | null;
  lastSign: Date;
  state: "alive" | "gone" | "unknown";
}

/** A moment in which a lock that was not beaten may still be alive on a machine that looks like this one after a restart. */
const RECENT_SECONDS = 60;
/** Another process looks at the lock, or is just taking or leaving it: worth trying again. */
const TRIES = 5;
const TRY_AGAIN_MS = 20;

/** A lock of this process on a run folder. */
export class FolderLock {
  readonly #identity: string;

  private constructor(
    readonly directory: string,
    private readonly file: number,
  ) {
    this.#identity = identityOf(fstatSync(file));
  }

  /**
   * Locks an existing folder. Throws Held or PerhapsHeld, which say who has it, or an InputError if that cannot be known yet. `takeOver`: a person says that an owner of whom nothing is known is gone.
   */
  static take(directory: string, about: About, takeOver = false): FolderLock {
    let holder: Holder | null = null;
    for (let tries = TRIES; tries > 0; tries--) {
      holder = removeIfGone(directory, takeOver);
      const file = holder ? null : makeLock(directory, about);
      if (file !== null) return new FolderLock(directory, file);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_AGAIN_MS);
    }
    throw taken(directory, holder);
  }

  /** A sign of life, to be given every few seconds. */
  beat(): void {
    const now = new Date();
    futimesSync(this.file, now, now);
  }

  /** What identifies the file: whoever writes into the folder checks with `expectLocked` that it is still there. */
  get identity(): string {
    return this.#identity;
  }

  release(): void {
    if (identityAt(this.directory) === this.#identity) unlinkSync(lockFile(this.directory));
    closeSync(this.file);
  }
}

/** Throws an InputError if the lock with this identity is no longer in the folder: it was moved, deleted or taken over by another process. */
export function expectLocked(directory: string, identity: string): void {
  if (identityAt(directory) === identity) return;
  const what = !existsSync(directory)
    ? "was moved or deleted while it was being trained. Nothing more is written there; resume it where it is now"
    : existsSync(lockFile(directory))
      ? "was taken over by another process or replaced by another folder. Nothing more is written there"
      : "lost its file lock while it was being trained, as when files are deleted in it. Nothing more is written there; resume it from its last checkpoint";
  throw new InputError(`${directory} ${what}`);
}

/** Who trains in a folder; null if nobody does. */
export function ownerOf(directory: string): RunOwner | null {
  const holder = holderOf(directory);
  if (!holder || holder.state === "gone" || !holder.content) return null;
  const { pid, program, since, host, machine } = holder.content;
  const isHere = machine === here().machine && host === here().host;
  return { pid, program, since, host: isHere ? null : host, lastSign: holder.lastSign.toISOString() };
}

/** What the lock of a folder says; null if there is none. */
export function holderOf(directory: string): Holder | null {
  const file = openExisting(lockFile(directory));
  if (file === null) return null;
  try {
    return examine(file);
  } finally {
    closeSync(file);
  }
}

function examine(file: number): Holder {
  const content = contentOf(file);
  const lastSign = fstatSync(file).mtime;
  return { content, lastSign, state: stateOf(content, lastSign, backend().lockFile(file)) };
}

/** `locked`: what came of trying to take the system's lock on it. */
function stateOf(content: LockContent | null, lastSign: Date, locked: ReturnType<Addon["lockFile"]>): Holder["state"] {
  if (locked === "held by another") return "alive";
  // Just made, or its maker died right then.
  if (content === null) return locked === "taken" || !isRecent(lastSign) ? "gone" : "unknown";
  const me = here();
  // The system's locks are those of one kernel; its containers share them.
  const onThisKernel = content.boot !== null && content.boot === me.boot;
  if (onThisKernel && locked === "taken") return "gone";
  if (onThisKernel && content.space === me.space && content.started !== null) return startOf(content.pid) === content.started ? "alive" : "gone";
  if (content.machine !== me.machine || content.host !== me.host) return "unknown";
  // This computer, restarted since. A copy of its system on another computer would look the same, so its signs of life count.
  if (content.boot !== null && me.boot !== null && !onThisKernel) return isRecent(lastSign) ? "unknown" : "gone";
  if (content.space !== me.space) return "unknown";
  if (locked === "taken") return "gone";
  return isAlive(content.pid) ? "alive" : "gone";
}

const isRecent = (sign: Date) => Math.abs(Date.now() - sign.getTime()) < RECENT_SECONDS * 1000;

/** Returns the open, locked file; null if another process was faster. */
function makeLock(directory: string, about: About): number | null {
  const path = lockFile(directory);
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return null;
    throw cannotBeWritten(path, cause);
  }
  try {
    if (backend().lockFile(file) !== "held by another") {
      write(path, file, { ...thisProcess(), since: new Date().toISOString(), ...about });
      // Another process may have found the file before it was locked, and removed it as one of a process that died.
      if (identityAt(directory) === identityOf(fstatSync(file))) return file;
    }
  } catch (error) {
    unlinkSync(path);
    closeSync(file);
    throw error;
  }
  closeSync(file);
  return null;
}

/** Removes the lock of an owner who is gone. Returns who holds it otherwise. */
function removeIfGone(directory: string, takeOver: boolean): Holder | null {
  const path = lockFile(directory);
  const file = openExisting(path);
  if (file === null) return null;
  try {
    const holder = examine(file);
    if (holder.state === "alive" || (holder.state === "unknown" && !takeOver)) return holder;
    // While this file is open and locked, nobody else removes it.
    if (identityAt(directory) === identityOf(fstatSync(file))) rmSync(path, { force: true });
    return null;
  } finally {
    closeSync(file);
  }
}

function openExisting(path: string): number | null {
  try {
    if (!statSync(path).isFile())
      throw new InputError(`${path} is a folder or a device: expected the file by which a process says that it trains here; move it away`);
    return openSync(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    return naming(path, "read", () => {
      throw error;
    });
  }
}

function write(path: string, file: number, content: LockContent): void {
  try {
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(file);
  } catch (cause) {
    throw cannotBeWritten(path, cause);
  }
}

const LONGEST = 16_384;

/** null if it cannot be understood: a lock is written in one piece, so whoever made it died right then, or it is damaged. */
function contentOf(file: number): LockContent | null {
  const bytes = Buffer.alloc(LONGEST);
  const length = readSync(file, bytes, 0, LONGEST, 0);
  try {
    return schema.parse(JSON.parse(bytes.toString("utf8", 0, length)));
  } catch {
    return null;
  }
}

function taken(directory: string, holder: Holder | null): Error {
  const { content, lastSign, state } = holder ?? { content: null, lastSign: new Date(), state: "alive" };
  if (!content) return new InputError(`${directory} is just being taken by another process: try again. If that does not help, delete ${lockFile(directory)}`);
  const where = content.machine === here().machine && content.host === here().host ? "" : ` on ${content.host}`;
  const who = `process ${content.pid}${where} (${content.program}, since ${content.since})`;
  if (state === "alive") return new Held(`${directory} is being trained by ${who}: stop it there, or watch it`);
  return new PerhapsHeld(
    `${directory} may still be trained by ${who}, where this program cannot look. Its last sign of life is from ${lastSign.toISOString()}. ` +
      "If you know that it is gone, take the run over",
  );
}

// ---- Identities -------------------------------------------------------------------------------------------------------------------

const identityOf = ({ dev, ino }: { dev: number; ino: number }) => `${dev}:${ino}`;

function identityAt(directory: string): string | null {
  try {
    return identityOf(statSync(lockFile(directory)));
  } catch {
    return null;
  }
}

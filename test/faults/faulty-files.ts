/** The file system with faults at chosen calls: a process that dies, a disk that is full, a call that fails once. For `vi.mock("node:fs", ...)`. */
import { createRequire } from "node:module";

// The real one, where `node:fs` is mocked.
const real = createRequire(import.meta.url)("node:fs") as typeof import("node:fs");

/** A call that changes something on the disk. */
export interface Change {
  call: (typeof CHANGES)[number] | "openSync";
  path: string;
}

const CHANGES = ["writeSync", "writeFileSync", "fsyncSync", "renameSync", "rmSync", "unlinkSync", "mkdirSync"] as const;

/** What happens at the change of that number, counted from 0. kill: nothing works from then on. full: nothing can be written. fail: it alone fails. */
export type Fault = { at: number; kind: "kill" | "full" | "fail" };

let fault: Fault | null = null;
let changes: Change[] = [];
const open = new Map<number, string>();

/** Runs `body` with a fault. Returns the changes that were attempted. Afterwards, all works, and files that a dead process left open are closed. */
export async function withFault(planned: Fault | null, body: () => Promise<void>): Promise<Change[]> {
  fault = planned;
  changes = [];
  try {
    await body();
  } finally {
    fault = null;
    for (const file of open.keys()) real.closeSync(file);
    open.clear();
  }
  return changes;
}

/** Throws if this change, of an open file or a path, meets the fault. */
function change(call: Change["call"], file: unknown): void {
  changes.push({ call, path: typeof file === "number" ? (open.get(file) ?? "") : String(file) });
  const number = changes.length - 1;
  if (!fault || number < fault.at) return;
  if (fault.kind === "kill") throw new Error("killed");
  if (fault.kind === "full" && (call === "writeSync" || call === "writeFileSync")) throw refusal("ENOSPC", "no space left on device", call, file);
  if (fault.kind === "fail" && number === fault.at) throw refusal("EIO", "i/o error", call, file);
}

/** As Node reports what the system refused; of an open file, it knows no path. */
function refusal(code: string, words: string, call: string, file: unknown): Error {
  const syscall = call.replace(/(File)?Sync$/, "");
  return Object.assign(new Error(`${code}: ${words}, ${syscall}${typeof file === "number" ? "" : ` '${file}'`}`), { code, errno: -1, syscall });
}

const faulty = {
  openSync(path: string, flags: string, mode?: number): number {
    if (flags !== "r") change("openSync", path);
    const file = real.openSync(path, flags, mode);
    open.set(file, path);
    return file;
  },
  closeSync(file: number): void {
    open.delete(file);
    real.closeSync(file);
  },
  ...Object.fromEntries(
    CHANGES.map((call) => [
      call,
      (first: unknown, ...rest: unknown[]) => {
        change(call, first);
        return (real[call] as (...args: unknown[]) => unknown)(first, ...rest);
      },
    ]),
  ),
};

export const faultyFiles = { ...real, ...faulty, default: { ...real, ...faulty } };

/** Tells processes apart, also after restarts and in containers, so that what one has left behind is known as such. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";

export const processIdentity = z.object({
  pid: z.number(),
  /** Identities; null where the system tells none. Two processes on one kernel have the same boot, in one container the same space. */
  host: z.string(),
  machine: z.string().nullable(),
  boot: z.string().nullable(),
  space: z.string().nullable(),
  /** When the process started, in the kernel's ticks since boot. */
  started: z.string().nullable(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

type Place = Pick<ProcessIdentity, "host" | "machine" | "boot" | "space">;
let place: Place | null = null;

export function here(): Place {
  place ??= {
    host: hostname(),
    machine: textOf(() => readFileSync("/etc/machine-id", "utf8")),
    boot: textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    space: textOf(() => readlinkSync("/proc/self/ns/pid")),
  };
  return place;
}

export function thisProcess(): ProcessIdentity {
  return { ...here(), pid: process.pid, started: startOf(process.pid) };
}

/** When a process started, in ticks since boot; null if there is no such process, or the system does not tell. */
export function startOf(pid: number): string | null {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  // Field 22; the second, a name in brackets, may itself contain spaces and brackets.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A copy of this system on another computer looks like this one after a restart, so what was written lately may be its. */
const LATELY_MS = 24 * 3_600_000;

/** Whether a process that wrote something at that time has certainly ended; false also where this one cannot see it. */
export function hasEnded({ pid, host, machine, boot, space, started }: ProcessIdentity, wrote: Date): boolean {
  const me = here();
  if (host !== me.host || machine !== me.machine) return false;
  if (boot !== me.boot) return boot !== null && me.boot !== null && Date.now() - wrote.getTime() > LATELY_MS;
  if (space !== me.space) return false;
  return started === null ? !isAlive(pid) : startOf(pid) !== started;
}

function textOf(read: () => string): string | null {
  try {
    return read().trim() || null;
  } catch {
    return null;
  }
}

import { readFileSync } from "node:fs";
import { freemem, platform, totalmem } from "node:os";
import { join } from "node:path";
import { type Limit, memoryLimit } from "./control-groups";

export interface Memory {
  /** Bytes that this process may use in all, and those that are free for it now without swapping. */
  total: number;
  available: number;
  /** The container's or service's limit, if that is what counts. */
  limit: Limit | null;
}

/** `root` is where the system's files are: in tests, another folder. */
export function memory(root = "/"): Memory {
  const [total, available] = [totalmem(), systemAvailable(root)];
  const limit = memoryLimit(root);
  if (!limit || limit.value >= total) return { total, available, limit: null };
  const { value, file, used } = limit;
  return { total: value, available: Math.min(available, Math.max(0, value - used)), limit: { value, file } };
}

/** Except on Windows, what the system counts as free leaves out memory that only caches files. */
function systemAvailable(root: string): number {
  if (platform() === "darwin") return totalmem() / 2;
  const kilobytes = platform() === "linux" ? /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync(join(root, "proc/meminfo"), "utf8"))?.[1] : undefined;
  return kilobytes ? Number(kilobytes) * 1024 : freemem();
}

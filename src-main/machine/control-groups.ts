/**
 * What Linux's control groups, by which containers and services are limited, allow this process. Both versions are read: one hierarchy of groups
 * (version 2, cpu.max and memory.max), or one for each controller (version 1). A group is limited by those around it too: the smallest limit counts.
 */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";

export interface Limit {
  /** Processors, which may be a fraction, or bytes. */
  value: number;
  /** The file that says so. */
  file: string;
}

/** A limit of memory, and how much of it is in use by what cannot be freed. */
export interface MemoryLimit extends Limit {
  used: number;
}

/** Time of processors; null: no limit. `root` is where the system's files are: in tests, another folder. */
export function processorLimit(root = "/"): Limit | null {
  return smallest(
    groupsOf("cpu", root).map(({ folder, version }) => {
      const file = version === 2 ? "cpu.max" : "cpu.cfs_quota_us";
      const [quota, period] = version === 2 ? words(join(folder, file)) : [...words(join(folder, file)), ...words(join(folder, "cpu.cfs_period_us"))];
      return { value: positive(quota) / positive(period), file: join(folder, file) };
    }),
  );
}

/** Memory; null: no limit. */
export function memoryLimit(root = "/"): MemoryLimit | null {
  return smallest(
    groupsOf("memory", root).map(({ folder, version }) => {
      const file = join(folder, version === 2 ? "memory.max" : "memory.limit_in_bytes");
      const [usage] = words(join(folder, version === 2 ? "memory.current" : "memory.usage_in_bytes"));
      return { value: positive(words(file)[0]), file, used: Math.max(0, (positive(usage) || 0) - cached(join(folder, "memory.stat"), version)) };
    }),
  );
}

/** The limit that leaves least. Version 1 writes a huge number where there is none. */
function smallest<L extends Limit & { used?: number }>(limits: L[]): L | null {
  const left = ({ value, used = 0 }: L) => value - used;
  const some = limits.filter(({ value }) => Number.isFinite(value) && value < 2 ** 60);
  return some.reduce<L | null>((least, limit) => (least && left(least) <= left(limit) ? least : limit), null);
}

/** Bytes of files that the system keeps in memory and drops when others need it; version 1 counts those of the groups inside apart. */
function cached(stat: string, version: 1 | 2): number {
  const names = ["inactive_file", "active_file"].map((name) => (version === 1 ? `total_${name}` : name));
  const lines = textOf(stat).split("\n");
  return names.reduce((sum, name) => sum + Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? 0), 0);
}

// ---- Which groups this process is in ----------------------------------------------------------------------------------------------

interface Group {
  folder: string;
  version: 1 | 2;
}

/** The folders of this process's group and of those around it, as far as they can be seen. */
function groupsOf(controller: string, root: string): Group[] {
  const groups = textOf(join(root, "proc/self/cgroup"))
    .split("\n")
    .flatMap((line): { path: string; version: 1 | 2 }[] => {
      // "0::/a/b" in version 2, "4:cpu,cpuacct:/a/b" in version 1
      const [, id, controllers = "", path = "/"] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
      if (id === undefined) return [];
      if (id === "0" && controllers === "") return [{ path, version: 2 }];
      return controllers.split(",").includes(controller) ? [{ path, version: 1 }] : [];
    });
  const mounts = mountsOf(controller, root);
  return groups.flatMap(({ path, version }) =>
    mounts.filter((mount) => mount.version === version).flatMap((mount) => upwards(mount, path).map((folder) => ({ folder: join(root, folder), version }))),
  );
}

interface Mount {
  /** The group that is seen at `place`: in a container often its own. */
  group: string;
  place: string;
  version: 1 | 2;
}

/** Format: proc(5), "36 35 98:0 /group /place options - type source options". */
function mountsOf(controller: string, root: string): Mount[] {
  return textOf(join(root, "proc/self/mountinfo"))
    .split("\n")
    .flatMap((line): Mount[] => {
      const [before = "", after = ""] = line.split(" - ");
      const [, , , group = "/", place = "/"] = before.split(" ").map(unescaped);
      const [type, , options = ""] = after.split(" ");
      if (type === "cgroup2") return [{ group, place, version: 2 }];
      return type === "cgroup" && options.split(",").includes(controller) ? [{ group, place, version: 1 }] : [];
    });
}

/** The kernel writes a space as \040. */
const unescaped = (text: string) => text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The group's folder and those above it, up to the mount. A group that lies outside of what is mounted is seen at the mount itself. */
function upwards({ group, place }: Mount, path: string): string[] {
  const way = relative(group, path);
  const steps = way === "" || way.startsWith("..") ? [] : way.split("/");
  return Array.from({ length: steps.length + 1 }, (_, i) => join(place, ...steps.slice(0, steps.length - i)));
}

// ---- Files ------------------------------------------------------------------------------------------------------------------------

/** "" where there is no such file, as in a group without that controller and on other systems. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

const words = (file: string): (string | undefined)[] => textOf(file).trim().split(/\s+/);

/** NaN for "max", -1 and what is missing. */
function positive(text: string | undefined): number {
  const value = Number(text || Number.NaN);
  return value > 0 ? value : Number.NaN;
}

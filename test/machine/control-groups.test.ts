import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memoryLimit, processorLimit } from "../../src-main/machine/control-groups";
import { memory } from "../../src-main/machine/memory";
import { processors } from "../../src-main/machine/processors";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "distill-groups-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The system's files, by path. */
function system(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
}

const mounted = (group: string, place: string, type: string, options: string) => `36 35 0:30 ${group} ${place} rw,relatime - ${type} cgroup rw,${options}`;
const V2 = { "proc/self/mountinfo": mounted("/", "/sys/fs/cgroup", "cgroup2", "nsdelegate") };
const GIB = 2 ** 30;

describe("version 2", () => {
  test("a container sees its own group as the root", () => {
    system({
      ...V2,
      "proc/self/cgroup": "0::/",
      "sys/fs/cgroup/cpu.max": "150000 100000",
      "sys/fs/cgroup/memory.max": `${GIB}`,
      "sys/fs/cgroup/memory.current": "1000",
    });
    expect(processorLimit(root)).toEqual({ value: 1.5, file: join(root, "sys/fs/cgroup/cpu.max") });
    expect(memoryLimit(root)).toEqual({ value: GIB, file: join(root, "sys/fs/cgroup/memory.max"), used: 1000 });
  });

  test("of nested groups the smallest limit counts, wherever it is", () => {
    system({
      ...V2,
      "proc/self/cgroup": "0::/slice/service/part",
      "sys/fs/cgroup/slice/cpu.max": "400000 100000",
      "sys/fs/cgroup/slice/service/cpu.max": "50000 100000",
      "sys/fs/cgroup/slice/service/part/cpu.max": "max 100000",
      "sys/fs/cgroup/slice/memory.max": `${2 * GIB}`,
      "sys/fs/cgroup/slice/memory.current": `${1.5 * GIB}`,
      "sys/fs/cgroup/slice/service/memory.max": `${GIB}`,
      "sys/fs/cgroup/slice/service/memory.current": "0",
    });
    expect(processorLimit(root)).toEqual({ value: 0.5, file: join(root, "sys/fs/cgroup/slice/service/cpu.max") });
    // The outer group allows more, but has less left.
    expect(memoryLimit(root)).toMatchObject({ value: 2 * GIB, used: 1.5 * GIB });
  });

  test("max is no limit", () => {
    system({ ...V2, "proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000", "sys/fs/cgroup/memory.max": "max" });
    expect([processorLimit(root), memoryLimit(root)]).toEqual([null, null]);
  });
});

describe("version 1", () => {
  const v1 = (group: string) => ({
    "proc/self/mountinfo": [
      mounted(group, "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "cpu,cpuacct"),
      mounted(group, "/sys/fs/cgroup/memory", "cgroup", "memory"),
      mounted("/", "/sys/fs/cgroup/unified", "cgroup2", "nsdelegate"),
    ].join("\n"),
  });

  test("each controller has a hierarchy of its own", () => {
    system({
      ...v1("/"),
      "proc/self/cgroup": "4:memory:/jobs/1\n3:cpu,cpuacct:/jobs/2\n1:name=systemd:/\n0::/",
      "sys/fs/cgroup/cpu,cpuacct/jobs/2/cpu.cfs_quota_us": "200000",
      "sys/fs/cgroup/cpu,cpuacct/jobs/2/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/memory/jobs/memory.limit_in_bytes": `${GIB}`,
      "sys/fs/cgroup/memory/jobs/1/memory.limit_in_bytes": "9223372036854771712",
    });
    expect(processorLimit(root)?.value).toBe(2);
    expect(memoryLimit(root)).toMatchObject({ value: GIB, file: join(root, "sys/fs/cgroup/memory/jobs/memory.limit_in_bytes") });
  });

  test("a container without a name space of its own sees its group at the mount", () => {
    system({ ...v1("/docker/abc"), "proc/self/cgroup": "4:memory:/docker/abc", "sys/fs/cgroup/memory/memory.limit_in_bytes": `${GIB}` });
    expect(memoryLimit(root)?.value).toBe(GIB);
    system({ "proc/self/cgroup": "4:memory:/../../elsewhere" });
    expect(memoryLimit(root)?.value).toBe(GIB);
  });

  test("no limit is a huge number, or -1", () => {
    system({
      ...v1("/"),
      "proc/self/cgroup": "4:memory:/\n3:cpu,cpuacct:/",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    });
    expect([processorLimit(root), memoryLimit(root)]).toEqual([null, null]);
  });
});

test("files that the system only caches do not count as used", () => {
  system({
    ...V2,
    "proc/self/cgroup": "0::/",
    "sys/fs/cgroup/memory.max": "1000000",
    "sys/fs/cgroup/memory.current": "900000",
    "sys/fs/cgroup/memory.stat": "anon 300000\ninactive_file 200000\nactive_file 400000\nslab 0",
    "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable:    4000000 kB",
  });
  expect(memoryLimit(root)?.used).toBe(300_000);
  expect(memory(root)).toEqual({ total: 1_000_000, available: 700_000, limit: { value: 1_000_000, file: join(root, "sys/fs/cgroup/memory.max") } });
});

test("where there are no control groups, the machine's own figures count", () => {
  expect([processorLimit(root), memoryLimit(root)]).toEqual([null, null]);
  system({ "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable:    4000000 kB" });
  expect(memory(root)).toMatchObject({ total: totalmem(), limit: null });
});

describe("threads", () => {
  const quota = (text: string) => system({ ...V2, "proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": text });

  test.each([
    ["100000 100000", 1, /cpu\.max allows 1 of 8 cores$/],
    ["50000 100000", 1, /allows 0\.5 of 8 cores$/],
    ["390000 100000", 3, /allows 3\.9 of 8 cores$/],
    ["900000 100000", 8, /^one for each core$/],
    ["max 100000", 8, /^one for each core$/],
  ])("with the quota %s of 8 cores there are %i", (text, threads, reason) => {
    quota(text);
    expect(processors(8, null, {}, root)).toEqual({ threads, reason: expect.stringMatching(reason), limited: threads < 8 });
  });

  test("a person decides before the quota does", () => {
    quota("100000 100000");
    expect(processors(8, null, { DISTILL_THREADS: "12" }, root)).toEqual({ threads: 12, reason: "as DISTILL_THREADS says", limited: false });
    expect(processors(8, 10, { DISTILL_THREADS: "12" }, root)).toEqual({ threads: 10, reason: "as --threads says", limited: false });
    expect(processors(8, null, { DISTILL_THREADS: " " }, root).threads).toBe(1);
  });

  test.each(["0", "-1", "1.5", "many", "1025"])("DISTILL_THREADS=%s is refused", (text) => {
    expect(() => processors(8, null, { DISTILL_THREADS: text }, root)).toThrow(`DISTILL_THREADS: expected a whole number from 1 to 1024, got "${text}"`);
  });

  test.each([
    ["3", 3, "OMP_NUM_THREADS allows 3 of 8 cores"],
    ["2,4", 2, "OMP_NUM_THREADS allows 2 of 8 cores"],
    ["64", 8, "one for each core"],
    ["all", 8, 'one for each core; OMP_NUM_THREADS, "all", is no number of threads'],
  ])("OMP_NUM_THREADS=%s of 8 cores gives %i", (text, threads, reason) => {
    quota("max 100000");
    expect(processors(8, null, { OMP_NUM_THREADS: text }, root)).toEqual({ threads, reason, limited: threads < 8 });
  });

  test("the lower of OMP_NUM_THREADS and the quota counts, and DISTILL_THREADS before both", () => {
    quota("200000 100000");
    expect(processors(8, null, { OMP_NUM_THREADS: "4" }, root).reason).toMatch(/cpu\.max allows 2 of 8 cores$/);
    expect(processors(8, null, { OMP_NUM_THREADS: "1" }, root).reason).toBe("OMP_NUM_THREADS allows 1 of 8 cores");
    expect(processors(8, null, { OMP_NUM_THREADS: "1", DISTILL_THREADS: "6" }, root).threads).toBe(6);
  });
});

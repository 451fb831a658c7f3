import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
// @ts-expect-error: an untyped script
import { resultTables, withTables } from "../../build/bench-results.mjs";

const TABLES = "docs/performance/tables";

const printed = (machine: string, ...rows: string[]) =>
  [machine, "Limits measured: 207 GFLOP/s", "", "|  | precision | ours | unit |", "| --- | ---: | ---: | ---: |", ...rows].join("\n");

test("a later output replaces single rows of an earlier one; each precision has a table", () => {
  const all = printed("CPU A, 2 threads", "| batch | fp32 | 100 | images/s |", "| batch | bf16 | 90 | images/s |", "| gelu | fp32 | 23.4 | GB/s |");
  const again = printed("CPU A, 2 threads, later", "| batch | fp32 | 101 | images/s |");
  expect(resultTables([all, again], "abc1234")).toBe(`Measured at commit abc1234:

CPU A, 2 threads
Limits measured: 207 GFLOP/s

CPU A, 2 threads, later
Limits measured: 207 GFLOP/s

### fp32

|  | ours | unit |
| --- | ---: | --- |
| batch | 101 | images/s |
| gelu | 23.4 | GB/s |

### bf16

|  | ours | unit |
| --- | ---: | --- |
| batch | 90 | images/s |`);
});

test("outputs with other columns, or without a table, are refused", () => {
  const beside = "|  | precision | ours | PyTorch | unit |\n| --- | ---: | ---: | ---: | ---: |";
  expect(() => resultTables([printed("CPU"), beside], "abc1234")).toThrow("output 2: expected the columns , precision, ours, unit, got");
  expect(() => resultTables(["CPU, 2 threads"], "abc1234")).toThrow("output 1: expected a table");
});

test.each(readdirSync(TABLES))("%s has the marks, and keeps what is outside them", (name) => {
  const page = readFileSync(path.join(TABLES, name), "utf8");
  const replaced = withTables(page, "NEW");
  expect(replaced).toContain("rewrites everything up to the end mark -->\n\nNEW\n\n<!-- end of tables -->");
  expect(replaced.split("<!-- end of tables -->")[1]).toBe(page.split("<!-- end of tables -->")[1]);
});

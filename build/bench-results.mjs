// node build/bench-results.mjs PAGE FILE...: rewrites the tables of PAGE, which is a processor's in docs/performance/tables, from outputs of
// `distill bench --markdown`. A row of a later file replaces the same row of an earlier one.
import { readFileSync, writeFileSync } from "node:fs";
import { run } from "./run.mjs";

const BEGIN = "<!-- tables: node build/bench-results.mjs rewrites everything up to the end mark -->";
const END = "<!-- end of tables -->";

/** The tables of one or more outputs, one per precision, below what each output says of its machine and the commit that was measured. */
export function resultTables(outputs, commit) {
  const parsed = outputs.map(parse);
  const { header } = parsed[0];
  const odd = parsed.findIndex((each) => each.header.join() !== header.join());
  if (odd > 0) throw new Error(`output ${odd + 1}: expected the columns ${header.join(", ")}, got ${parsed[odd].header.join(", ")}`);

  const rows = new Map(parsed.flatMap((each) => each.rows).map((row) => [`${row[0]}, ${row[1]}`, row]));
  const precisions = [...new Set([...rows.values()].map(([, precision]) => precision))];
  const tables = precisions.map((precision) => {
    const cells = [header, header.map(alignment), ...[...rows.values()].filter((row) => row[1] === precision)];
    return `### ${precision}\n\n${cells.map(withoutPrecision).join("\n")}`;
  });
  return [`Measured at commit ${commit}:`, ...parsed.map(({ machine }) => machine), ...tables].join("\n\n");
}

/** A page with the tables between its marks replaced. */
export function withTables(text, tables) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`expected the lines ${BEGIN} and ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${text.slice(end)}`;
}

function parse(output, index) {
  const lines = output.trim().split("\n");
  const start = lines.findIndex((line) => line.startsWith("|"));
  if (start < 0) throw new Error(`output ${index + 1}: expected a table as \`distill bench --markdown\` prints it`);
  const [header, , ...rows] = lines.slice(start).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return { machine: lines.slice(0, start).join("\n").trim(), header, rows };
}

const alignment = (name, column) => (column === 0 || name === "unit" ? "---" : "---:");

const withoutPrecision = ([name, , ...others]) => `| ${[name, ...others].join(" | ")} |`;

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [page, ...files] = process.argv.slice(2);
  if (files.length === 0) throw new Error("expected a page of docs/performance/tables, and one or more files with the output of: distill bench --markdown");
  const commit = run("git", ["rev-parse", "--short", "HEAD"]).trim();
  const outputs = files.map((file) => readFileSync(file, "utf8"));
  writeFileSync(page, withTables(readFileSync(page, "utf8"), resultTables(outputs, commit)));
  console.log(`wrote ${page}`);
}

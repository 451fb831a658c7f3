import { type Command, Option } from "commander";
import type { BenchRecord, BenchResult } from "../../contract/bench";
import { MOST_THREADS } from "../../contract/threads";
import { wholeNumber } from "../flags";
import { addVerb, type Perform } from "../verb";
import { count, significant, table } from "../words";

interface BenchOptions {
  against?: "torch";
  python: string;
  only?: string;
  rounds: number;
  threads?: number;
  markdown?: boolean;
}

export function addBench(program: Command, perform: Perform): void {
  addVerb(
    program,
    "bench",
    "measure how fast this computer trains and infers, by itself or beside PyTorch",
    "bench --against torch --only 'training|inference'",
  )
    .addOption(new Option("--against <name>", "measure PyTorch too, alternating with it").choices(["torch"]))
    .option("--python <file>", "the Python in which PyTorch is installed", "python3")
    .option("--only <pattern>", 'measure only rows whose "name, precision" matches this regular expression')
    .option("--rounds <count>", "rounds per measurement; the best one counts", wholeNumber(1, 1000), 5)
    .option("--threads <count>", "threads for both sides (default: as doctor shows)", wholeNumber(1, MOST_THREADS))
    .option("--markdown", "print the table as Markdown")
    .action(({ against, python, only, rounds, threads, markdown }: BenchOptions) =>
      perform(async (session) => {
        const result = await session.call("bench", { only: only ?? null, rounds, threads: threads ?? null, python: against ? python : null });
        return { json: result, text: `${machineText(result)}\n\n${(markdown ? markdownTable : table)(rows(result))}` };
      }),
    );
}

function machineText({ machine }: BenchResult): string {
  const { cpu, isa, threads, platform, version, torch, gflops, bf16Gflops, bf16Products, gigabytesPerSecond } = machine;
  const inBf16 = bf16Products === "fp32" ? "as which bf16 numbers are multiplied too" : `${bf16Gflops.toFixed(0)} in bf16`;
  return [
    `${cpu}, ${count(threads, "thread")}, ${platform}; Distill Studio ${version}, ${isa} kernels${torch ? `; PyTorch ${torch}` : ""}`,
    `Measured limits: ${gflops.toFixed(0)} GFLOP/s in fp32, ${inBf16}, ${gigabytesPerSecond.toFixed(0)} GB/s of memory`,
  ].join("\n");
}

/** The rows of the table, headings first; PyTorch's columns only if it was measured. */
function rows({ machine, results }: BenchResult): string[][] {
  const head = [
    "",
    "precision",
    "ours",
    ...(machine.torch ? ["PyTorch"] : []),
    "unit",
    "of limit",
    ...(machine.torch ? ["ratio", "of medians", "rounds", "goal"] : []),
  ];
  return [head, ...results.map((result) => row(result, machine.torch !== null))];
}

function row({ name, precision, ours, theirs, ratio, median, goal, unit, spread, ofLimit }: BenchRecord, compared: boolean): string[] {
  const number = (value: number | null) => (value === null ? "" : significant(value));
  const beside = [
    number(ratio),
    number(median.ratio),
    spread ? spread.map((value) => significant(value)).join("-") : "",
    goal === null ? "" : goalText(goal, ratio),
  ];
  return [
    name,
    precision,
    significant(ours),
    ...(compared ? [number(theirs)] : []),
    unit,
    ofLimit === null ? "" : `${(100 * ofLimit).toFixed(0)} %`,
    ...(compared ? beside : []),
  ];
}

function goalText(goal: number, ratio: number | null): string {
  return ratio === null ? String(goal) : `${goal} ${ratio >= goal ? "met" : "missed"}`;
}

function markdownTable(cells: string[][]): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const [head, ...body] = cells;
  return [line(head!), line(head!.map((_, column) => (column === 0 ? "---" : "---:"))), ...body.map(line)].join("\n");
}

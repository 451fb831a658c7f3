import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { UsageError } from "../../contract/failure";
import type { PrintedFormat, ReportFormat } from "../../contract/host";
import { missingFolderOf, outFile, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { shellWords } from "../shell-words";
import { addVerb, type Perform } from "../verb";

type Format = ReportFormat | PrintedFormat | "tensorboard";

const FORMATS =
  "html: a page to read; pdf, png: the same as a document or a picture, printed by the desktop app; json: all of it, with the figures of each comparison and their summary over seeds; csv: a line per run and epoch, without comparisons and summary; tensorboard: a folder of event files, which TensorBoard and trackio read";

export function addReport(program: Command, perform: Perform): void {
  const verb = addVerb(program, "report", "write a report on one or more runs", "report --runs runs/demo/control runs/demo/student --format html");
  verb
    .requiredOption("--runs <dir...>", "run folders")
    .addOption(new Option("--format <name>", FORMATS).choices(["html", "pdf", "png", "csv", "json", "tensorboard"]).default("html"))
    .option("--out <file>", "file to write, or folder of event files (default: a new one in the current folder)")
    .action(({ runs, format, out }: { runs: string[]; format: Format; out?: string }) =>
      perform(async (session) => {
        const { world } = session;
        const file = outFile(world, out, "report", `.${format}`);
        if (existsSync(file)) throw new UsageError(`--out ${out}: already exists and will not be overwritten; choose another name`);
        const made = missingFolderOf(file);
        const write = (format: ReportFormat | "tensorboard", to: string) =>
          session.call("report", { runs: runs.map((run) => absolutePath(run, world.cwd)), format, out: to });
        if (format === "pdf" || format === "png") await world.print((page) => write("html", page), file, format);
        else await write(format, file);
        const into = made === null ? "" : `, in the new folder ${shownPath(world, made)}`;
        const look = format === "tensorboard" ? `\nLook at it with: ${shellWords(["tensorboard", "--logdir", shownPath(world, file)])}` : "";
        return { json: { path: file }, text: `Report: ${shownPath(world, file)}${into}${look}` };
      }),
    );
}

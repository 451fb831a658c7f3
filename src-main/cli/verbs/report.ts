import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { InputError, UsageError } from "../../contract/failure";
import type { PrintedFormat, ReportFormat } from "../../contract/host";
import { trackingServer } from "../../mlflow/address";
import { type Family, Sender } from "../../mlflow/send";
import { MlflowServer, Unreachable } from "../../mlflow/server";
import { foldersBy } from "../mlflow";
import { missingFolderOf, outFile, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Outcome, type Perform } from "../verb";
import { count } from "../words";

type Format = ReportFormat | PrintedFormat | "tensorboard" | "mlflow";

interface Options {
  runs: string[];
  format: Format;
  out?: string;
  to?: string;
}

const FORMATS =
  "html: a page to read; pdf, png: the same as a document or a picture, printed by the desktop app; json: all of it, with the figures of each comparison and their summary over seeds; csv: a line per run and epoch, without comparisons and summary; tensorboard: a folder of event files, which TensorBoard and trackio read; mlflow: nothing is written, the runs are sent to an MLflow server, which gets only what it lacks";

export function addReport(program: Command, perform: Perform): void {
  const verb = addVerb(program, "report", "write a report on one or more runs", "report --runs runs/demo/control runs/demo/student --format html");
  verb
    .requiredOption("--runs <dir...>", "run folders")
    .addOption(new Option("--format <name>", FORMATS).choices(["html", "pdf", "png", "csv", "json", "tensorboard", "mlflow"]).default("html"))
    .option("--out <file>", "file to write, or folder of event files (default: a new one in the current folder)")
    .option("--to <url>", "with --format mlflow: the server, as in http://127.0.0.1:5000 (default: the address in MLFLOW_TRACKING_URI)")
    .action((options: Options) => perform((session) => (options.format === "mlflow" ? reached(() => sent(session, options)) : written(session, options))));
}

async function written(session: Session, { runs, format, out, to }: Options): Promise<Outcome> {
  const { world } = session;
  if (to !== undefined) throw new UsageError("--to goes with --format mlflow; --out names the file to write");
  const file = outFile(world, out, "report", `.${format}`);
  if (existsSync(file)) throw new UsageError(`--out ${out}: already exists and will not be overwritten; choose another name`);
  const made = missingFolderOf(file);
  const write = (format: ReportFormat | "tensorboard", to: string) =>
    session.write("report", { runs: runs.map((run) => absolutePath(run, world.cwd)), format, out: to });
  if (format === "pdf" || format === "png") await world.print((page) => write("html", page), file, format);
  else await write(format as ReportFormat | "tensorboard", file);
  const into = made === null ? "" : `, in the new folder ${shownPath(world, made)}`;
  const look = format === "tensorboard" ? `\nLook at it with: ${shellWords(["tensorboard", "--logdir", shownPath(world, file)])}` : "";
  return { json: { path: file }, text: `Report: ${shownPath(world, file)}${into}${look}` };
}

/** Sends runs to a server of MLflow, and what those that belong together show. */
async function sent(session: Session, { runs, out, to }: Options): Promise<Outcome> {
  if (out !== undefined) throw new UsageError("--out does not go with --format mlflow, which writes no file; --to names the server");
  const server = new MlflowServer(trackingServer(to ?? null, "--to"));
  const pages = new Map<string, string>();
  const sender = new Sender(server, (name, page) => pages.set(name, page));
  const folders = foldersBy((method, params) => session.call(method, params));
  const directories = await runsIn(session, runs);
  const families = new Map<string, Family>();
  const done: { directory: string; id: string; isNew: boolean; files: boolean }[] = [];
  for (const directory of directories) {
    const subject = await folders.subject(directory);
    if (subject.family) families.set(subject.family.key, subject.family);
    done.push({ directory, ...(await sender.whole(subject, subject.family ? null : await folders.report(directory))) });
  }
  for (const family of families.values()) await sender.family(family, await folders.summary(family.directory), await folders.report(family.directory));
  const lines = [...pages].map(([name, page]) => `${name}: ${page}`);
  const withoutFiles = done.every(({ files }) => files)
    ? []
    : ["Without recipe.json and report.html: this server keeps files where only its own programs write."];
  const json = { server: server.address, experiments: [...pages].map(([name, page]) => ({ name, page })), runs: done };
  return { json, text: [sentInWords(done), ...lines, ...withoutFiles].join("\n") };
}

function sentInWords(done: readonly { isNew: boolean }[]): string {
  const sent = done.filter(({ isNew }) => isNew).length;
  const known = done.length - sent;
  if (sent === 0) return `Nothing new for MLflow: it had all figures of ${count(known, "run")} already`;
  return `Sent to MLflow: ${count(sent, "run")}${known > 0 ? `; it had ${known} more already` : ""}`;
}

/** That a server does not answer is nothing that this program could have prevented. */
async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Unreachable) throw new InputError(`${cause.message}: is it running? What has arrived is not sent again`, { cause });
    throw cause;
  }
}

/** The folders of all runs in these folders. */
async function runsIn(session: Session, given: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const each of given) {
    const listed = await session.call("listRuns", { directory: absolutePath(each, session.world.cwd) });
    if (listed.length === 0) throw new InputError(`${each} holds no run: expected a folder with a file recipe.json, or one with such folders in it`);
    found.push(...listed.map(({ directory }) => directory).reverse());
  }
  return [...new Set(found)];
}

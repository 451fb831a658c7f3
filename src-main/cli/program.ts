import { Command, CommanderError } from "commander";
import packageJson from "../../package.json";
import { type Failure, toFailure } from "../contract/failure";
import { visible, visibleJson, visibleLines } from "../contract/visible";
import { EngineError } from "../engine-client/client";
import { trackingServer } from "../mlflow/address";
import { type ProgressForm, writeEvent } from "./progress";
import { Resumable } from "./resume";
import { type SessionOptions, withSession } from "./session";
import { shellWords } from "./shell-words";
import { addCommonOptions, addEngineOptions, exampleOf, type Outcome, type Perform, takeShared } from "./verb";
import { addBench } from "./verbs/bench";
import { addCompare, addDemo } from "./verbs/compare";
import { addData } from "./verbs/data";
import { addDoctor } from "./verbs/doctor";
import { addEvaluate } from "./verbs/evaluate";
import { addExport } from "./verbs/export";
import { addPredict } from "./verbs/predict";
import { addRecipe } from "./verbs/recipe";
import { addReport } from "./verbs/report";
import { addRuns } from "./verbs/runs";
import { addSearch } from "./verbs/search";
import { addServe } from "./verbs/serve";
import { addTrain, type RunOptions } from "./verbs/train";
import { addTrainTeacher } from "./verbs/train-teacher";
import type { World } from "./world";

/** Exit status by failure code; all others exit with 1. */
const STATUS: Partial<Record<Failure["code"], number>> = { USAGE: 2, INTERRUPTED: 130 };

/** Runs the command line. Returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const asJson = args.includes("--json");
  const progress = progressIn(args);
  const tell = (failure: Failure, text: string, error?: unknown) => {
    if (progress === "json") writeEvent(world, { type: "error", ...failureJson(failure, error) });
    else world.err.write(text);
  };
  let status = 0;
  let hasPrinted = false;
  const print = ({ json, text, problems = [] }: Outcome) => {
    hasPrinted = true;
    world.writeOut(`${asJson ? visibleJson(json) : visibleLines(text)}\n`);
    for (const problem of problems) tell({ code: "INPUT", message: problem }, `error: ${visible(problem)}\n`);
    if (problems.length > 0) status = 1;
  };
  let options: Omit<SessionOptions, "progress"> = {};
  const perform: Perform = async (work) => print(await withSession(world, { ...options, progress }, work));
  const writeErr = (text: string) => {
    // What is wrong with the usage is told as an event, below.
    if (progress === "text") world.err.write(visibleLines(text));
  };
  try {
    const program = createProgram(world, writeErr, perform, print).hook("preAction", (_, verb) => {
      const { tensorboard, mlflow } = verb.opts<Pick<RunOptions, "tensorboard" | "mlflow">>();
      const tracking = mlflow === undefined ? undefined : trackingServer(mlflow === true ? null : mlflow, "--mlflow");
      options = { threads: takeShared(verb).threads, tensorboard, mlflow: tracking };
    });
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = failureOf(error);
    // One document: what goes on after it, as a server does, ends without another.
    if (asJson && !hasPrinted) world.writeOut(`${visibleJson({ error: failureJson(failure, error) })}\n`);
    // Commander has written its own.
    tell(failure, error instanceof CommanderError ? "" : visibleLines(failureText(failure, args.includes("--debug"))), error);
    return STATUS[failure.code] ?? 1;
  }
}

/** Read before the arguments are checked, as wrong ones are told in this form too. */
function progressIn(args: readonly string[]): ProgressForm {
  return args.some((arg, i) => arg === "--progress=json" || (arg === "--progress" && args[i + 1] === "json")) ? "json" : "text";
}

function createProgram(world: World, writeErr: (text: string) => void, perform: Perform, print: (outcome: Outcome) => void): Command {
  const program = new Command("distill")
    .description(packageJson.description)
    .version(packageJson.version)
    .addHelpText("afterAll", ({ command }) => exampleOf(command, shellWords(world.program)))
    .exitOverride()
    .configureOutput({ writeOut: world.writeOut, writeErr })
    .showHelpAfterError("(add --help for usage)");
  for (const add of [
    addDemo,
    addTrain,
    addCompare,
    addTrainTeacher,
    addSearch,
    addPredict,
    addEvaluate,
    addData,
    addReport,
    addRuns,
    addExport,
    addBench,
    addDoctor,
  ])
    add(program, perform);
  addEngineOptions(program);
  addRecipe(program, print);
  addServe(program, world, print);
  addCommonOptions(program);
  return program;
}

function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return { code: "USAGE", message: error.message.replace(/^error: /, "") };
  if (error instanceof EngineError) return { code: error.code, message: error.message, details: error.details };
  return toFailure(error);
}

function failureJson({ code, message }: Failure, error: unknown) {
  return { code, message, ...(error instanceof Resumable && { resume: error.resume }) };
}

function failureText({ code, message, details }: Failure, debug: boolean): string {
  const head = `${code === "INTERRUPTED" ? "interrupted" : "error"}: ${message}`;
  if (!details) return `${head}\n`;
  return debug ? `${head}\n\n${details}\n` : `${head}\n(add --debug for details)\n`;
}

import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import { arithmeticInWords } from "../../contract/arithmetic";
import { armInWords } from "../../contract/arms";
import { armsIn, missingSeedsInWords, surenessInWords } from "../../contract/comparison";
import { InputError } from "../../contract/failure";
import type { FittedTeacher } from "../../contract/fitted-teacher";
import { teachersOf } from "../../contract/recipe-values";
import type { ArmSummary, LiveRun, ProvenSummary, RunDetails, RunOwner, RunSummary, SeedsAsked } from "../../contract/run";
import { visible } from "../../contract/visible";
import { EngineError } from "../../engine-client/client";
import { shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Outcome, type Perform } from "../verb";
import { awayBelow, awayIn, awayInWords, awayTable } from "../went-to-cluster";
import { count, percent, table } from "../words";
import type { World } from "../world";
import { fitText } from "./fit-teacher";

export function addRuns(program: Command, perform: Perform): void {
  const runs = program.command("runs").description("list, show, name, watch, stop and delete runs, whichever process trains them");
  addVerb(runs, "list", "list the runs in a folder", "runs list")
    .argument("[dir]", "a folder with runs in it", "runs")
    .action((directory: string) => perform((session) => list(session, directory)));
  addVerb(runs, "show", "show what a run, or each run of a comparison, has done", "runs show runs/first")
    .argument("<dir>", "folder of the run or comparison")
    .action((directory: string) => perform((session) => show(session, directory)));
  addVerb(runs, "watch", "follow a run that another process trains; Ctrl-C ends the watching alone", "runs watch runs/first")
    .argument("<dir>", "folder of the run or comparison")
    .action((directory: string) => perform((session) => watch(session, directory)));
  addVerb(runs, "stop", "stop a run with a checkpoint, in whichever process", "runs stop runs/first")
    .argument("<dir>", "folder of the run or comparison")
    .action((directory: string) => perform((session) => stop(session, directory)));
  addVerb(runs, "rename", "give a run another name in lists; its folder keeps its own", "runs rename runs/first 'T 4, more labels'")
    .argument("<dir>", "folder of the run, comparison, sweep or search")
    .argument("<name>", "the name; '' for that of its recipe")
    .action((directory: string, name: string) => perform((session) => describe(session, directory, { name })));
  addVerb(runs, "note", "keep a note in a run's folder, instead of the one there", "runs note runs/first 'the teacher had seen the test images'")
    .argument("<dir>", "folder of the run, comparison, sweep or search")
    .argument("<text>", "the note; '' for none")
    .action((directory: string, note: string) => perform((session) => describe(session, directory, { note })));
  addVerb(runs, "delete", "move a run to the bin, the folder .bin beside it", "runs delete runs/first")
    .argument("<dir>", "folder of the run, comparison, sweep or search")
    .option("--for-good", "delete it at once, so that it cannot be restored")
    .action((directory: string, { forGood }: { forGood?: true }) => perform((session) => (forGood ? remove : bin)(session, directory)));
  addVerb(runs, "restore", "move a run out of the bin, back to its place", "runs restore runs/.bin/first")
    .argument("<dir>", "where it is in the bin")
    .action((directory: string) => perform((session) => restore(session, directory)));
}

async function list(session: Session, directory: string): Promise<Outcome> {
  const { world } = session;
  const absolute = absolutePath(directory, world.cwd);
  const runs = await session.call("listRuns", { directory: absolute });
  const teachers = await session.call("listMade", { directory: absolute });
  const ofTeachers = teachers.length === 0 ? [] : [teachersTable(teachers, world)];
  const away = awayBelow(absolute, world);
  const ofAway = away.length === 0 ? [] : [awayTable(away, world)];
  const json = [...runs, ...teachers.map(asJson), ...away];
  if (runs.length === 0)
    return { json, text: [...ofTeachers, ...ofAway].join("\n\n") || `${directory}: no runs${isFolder(absolute) ? "" : ", as there is no such folder"}` };
  const rows = runs.map((run) => [
    shownPath(world, run.directory),
    run.name,
    stateWords(run),
    `${run.epochsDone}/${run.epochs || "?"}`,
    run.recipe?.train.precision ?? "?",
    accuracyWords(run),
  ]);
  const damaged = runs.flatMap(({ directory, damage }) => (damage ? [`damaged: ${shownPath(world, directory)}: ${damage}`] : []));
  const text = table([["run", "name", "state", "epochs", "precision", "test accuracy"], ...rows]);
  return { json, text: [text, ...ofTeachers, ...ofAway, ...(damaged.length > 0 ? [damaged.join("\n")] : [])].join("\n\n") };
}

/** Teachers that were made of a backbone. */
function teachersTable(teachers: readonly FittedTeacher[], world: World): string {
  const rows = teachers.map(({ directory, teacher, classes, images, test }) => [
    shownPath(world, directory),
    `${teacher.model} at ${teacher.imageSize} px`,
    String(classes.length),
    String(images.train),
    percent(test.accuracy),
  ]);
  return table([["teacher", "network", "classes", "training images", "test accuracy"], ...rows]);
}

const asJson = (teacher: FittedTeacher) => ({ kind: "teacher", ...teacher });

async function show(session: Session, directory: string): Promise<Outcome> {
  const { world } = session;
  const absolute = absolutePath(directory, world.cwd);
  const summaries = await session.call("listRuns", { directory: absolute });
  const teachers = await session.call("listMade", { directory: absolute });
  const away = awayIn(absolute, world);
  if (summaries.length + teachers.length === 0) {
    if (away) return { json: [away], text: awayInWords(away) };
    throw new InputError(`${directory} holds no run: expected the folder of a run, a comparison or a teacher`);
  }
  const about = await session.call("aboutRun", { directory: absolute });
  const inside = await session.call("listFolders", { directory: absolute });
  const compared = summaries.some(({ arm }) => arm !== "single") ? await session.call("comparison", { directory: absolute }) : null;
  const runs: (RunSummary | Shown)[] = [];
  for (const summary of summaries.reverse()) runs.push({ ...(await shownOf(session, summary)), name: about.name ?? summary.name });
  const comparison = compared && { kind: "comparison", directory: absolute, ...compared };
  const said = [{ directory: absolute, about }, ...inside].flatMap(({ directory, about: { note } }) => (note === "" ? [] : [{ directory, note }]));
  const texts = [
    ...(away ? [awayInWords(away)] : []),
    ...said.map(({ directory, note }) => `Note on ${shownPath(world, directory)}: ${visible(note)}`),
    ...(compared ? [comparedText(compared, summaries.find(({ sweep }) => sweep?.directory === absolute)?.sweep ?? null)] : []),
    ...runs.map((run) => ("hashes" in run ? runText(run, world) : damagedText(run, world))),
    ...teachers.map((found) => `Teacher: ${shownPath(world, found.directory)}\n\n${fitText(found, world)}`),
  ];
  const notes = new Map(said.map(({ directory, note }) => [directory, note]));
  const json = [
    ...runs.map((run) => ({ ...run, note: notes.get(run.directory) ?? "" })),
    ...(comparison ? [comparison] : []),
    ...teachers.map(asJson),
    ...(away ? [away] : []),
  ];
  return { json, text: texts.join("\n\n") };
}

/** What the finished comparisons of a folder came to. */
function comparedText(compared: ProvenSummary, asked: SeedsAsked | null): string {
  const { result, doubt, shortfall } = surenessInWords(compared, compared.controlled);
  const arms = armsIn<ArmSummary>(compared).map(({ arm, figures }) => `${armInWords(arm)} ${percent(figures.testAcc)}`);
  return [result, missingSeedsInWords(compared.seeds, asked), doubt, shortfall, `Test accuracy: ${arms.join(", ")}.`].filter(Boolean).join("\n");
}

const isFolder = (directory: string) => statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false;

type Shown = Omit<RunDetails, "batches">;

/** A run that is damaged may still be summarized. */
async function shownOf(session: Session, summary: RunSummary): Promise<RunSummary | Shown> {
  try {
    const { batches: _, ...run } = await session.call("readRun", { directory: summary.directory });
    return run;
  } catch (error) {
    if (summary.damage && error instanceof EngineError && error.code === "INPUT") return summary;
    throw error;
  }
}

function damagedText(run: RunSummary, world: World): string {
  const rows = [
    ["name", run.name],
    ["state", stateWords(run)],
    ["damaged", run.damage!],
  ];
  return rowsText(run, rows, world);
}

function runText(run: Shown, world: World): string {
  const { recipe, hashes, events, parameters, classes } = run;
  const teacher = teachersOf(recipe).map(({ model, weights }) => ["teacher", `${model} (${weights})`]);
  const damage = run.damage ? [["damaged", run.damage]] : [];
  const evidence = run.evidenceDamage && !run.damage ? [["evidence", `damaged: ${run.evidenceDamage}`]] : [];
  const rows = [
    ["name", run.name],
    ["state", stateWords(run)],
    ...damage,
    ["started", run.started],
    ["epochs", `${run.epochsDone} of ${run.epochs}`],
    ["test accuracy", accuracyWords(run)],
    ["student", `${recipe.student.model}, ${parameters} parameters, ${classes.length} classes`],
    ...teacher,
    ["data", recipe.data.path],
    ["arithmetic", arithmeticInWords(run)],
    ["seed", String(recipe.train.seed)],
    ["evidence of all batches", hashes.batches.slice(0, 16) || "none yet"],
    ...evidence,
    ["last event", events.at(-1) ? `${events.at(-1)!.type} at ${events.at(-1)!.time}` : "none"],
  ];
  return rowsText(run, rows, world);
}

function rowsText({ directory }: Pick<RunSummary, "directory">, rows: readonly string[][], world: World): string {
  const width = Math.max(...rows.map(([name]) => name!.length));
  return `${shownPath(world, directory)}\n${rows.map(([name, value]) => `  ${name!.padEnd(width)}  ${value}`).join("\n")}`;
}

async function watch(session: Session, directory: string): Promise<Outcome> {
  const { run, owner } = await attach(session, directory);
  session.say(`watching ${directory}, trained by ${ownerWords(owner)}; Ctrl-C ends the watching alone`);
  try {
    const result = await session.call("watch", { run, from: 0 });
    return { json: result, text: `finished: ${shownPath(session.world, result.directory)}` };
  } catch (error) {
    if (!session.interrupted) throw error;
    throw new EngineError({ code: "INTERRUPTED", message: `no longer watching; ${ownerWords(owner)} goes on training` });
  }
}

async function stop(session: Session, directory: string): Promise<Outcome> {
  const { run } = await attach(session, directory);
  await session.call("control", { run, action: "stop" });
  const ending = await session.call("watch", { run, from: Number.MAX_SAFE_INTEGER }).then(
    () => "it had just finished",
    (error: unknown) => {
      if (error instanceof EngineError && error.code === "INTERRUPTED" && !session.interrupted) return "stopped, with a checkpoint";
      throw error;
    },
  );
  return { json: { directory: absolutePath(directory, session.world.cwd), ending }, text: `${directory}: ${ending}` };
}

async function describe(session: Session, directory: string, words: { name?: string; note?: string }): Promise<Outcome> {
  const about = await session.call("describeRun", { directory: absolutePath(directory, session.world.cwd), ...words });
  const text =
    words.note === undefined ? `is now called ${about.name ?? "as its recipe says"}` : about.note === "" ? "has no note any more" : "has this note now";
  return { json: about, text: `${directory} ${text}` };
}

async function bin(session: Session, directory: string): Promise<Outcome> {
  const { world } = session;
  const absolute = absolutePath(directory, world.cwd);
  const result = await session.call("binRun", { directory: absolute, runs: dirname(absolute) });
  const there = shownPath(world, result.directory);
  const [back, gone] = [["restore"], ["delete", "--for-good"]].map((words) => shellWords([...world.program, "runs", ...words, there]));
  return {
    json: result,
    text: `${directory} is in the bin, ${shownPath(world, dirname(result.directory))}, and takes as much room on the disk there: ${there}\n${back} restores it\n${gone} deletes it`,
  };
}

async function restore(session: Session, directory: string): Promise<Outcome> {
  const { world } = session;
  const asked = absolutePath(directory, world.cwd);
  const inBin = join(dirname(asked), ".bin", basename(asked));
  // By the name that it had, too.
  const absolute = !existsSync(asked) && existsSync(inBin) ? inBin : asked;
  const [runs, inside] = absolute.split(/[\\/]\.bin[\\/](?!.*[\\/]\.bin[\\/])/);
  if (inside === undefined)
    throw new InputError(
      `${directory} is in no bin: expected a run in the folder .bin of a folder of runs; ${shellWords([...world.program, "runs", "list", shownPath(world, dirname(inBin))])} lists those there`,
    );
  const result = await session.call("restoreRun", { directory: absolute, runs: runs! });
  return { json: result, text: `restored from the bin, ${shownPath(world, join(runs!, ".bin"))}: ${shownPath(world, result.directory)}` };
}

async function remove(session: Session, directory: string): Promise<Outcome> {
  const { world } = session;
  const result = await session.call("deleteRun", { directory: absolutePath(directory, world.cwd) });
  const kept = result.kept.map((file) => `\n  ${shownPath(world, file)}`).join("");
  return {
    json: result,
    text: `${directory}: ${count(result.deleted, "run")} deleted for good${kept && `; not this program's, and kept:${kept}`}`,
  };
}

/** Throws an InputError if nobody trains there. */
async function attach(session: Session, directory: string): Promise<LiveRun & { owner: RunOwner }> {
  const absolute = absolutePath(directory, session.world.cwd);
  const live = await session.call("attach", { directory: absolute });
  const away = live?.owner ? null : awayIn(absolute, session.world);
  if (away && away.going > 0) throw new InputError(`${directory} is not trained by a process of this computer. ${awayInWords(away)}`);
  if (!live?.owner)
    throw new InputError(
      `${directory}: no process trains this run now; ${shellWords([...session.world.program, "runs", "show", directory])} says what it has done`,
    );
  return { ...live, owner: live.owner };
}

function ownerWords({ program, pid, host }: RunOwner): string {
  return `the ${program}, process ${pid}${host ? ` on ${host}` : ""}`;
}

function stateWords({ state, owner, damage, beginsAnew }: RunSummary): string {
  const words = [state, ...(beginsAnew ? ["no checkpoint yet, resuming begins anew"] : []), ...(damage ? ["damaged"] : [])].join(", ");
  return owner ? `${words} (${ownerWords(owner)})` : words;
}

function accuracyWords({ testAcc }: RunSummary): string {
  return testAcc === null ? "" : percent(testAcc);
}

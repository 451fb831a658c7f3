import { type ArmName, byArm } from "../../src-main/contract/arms";
import type { PrintedFormat, ReportFormat } from "../../src-main/contract/host";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ListedRun, LiveRun, ProvenSummary, RunOwner, RunState, RunSummary } from "../../src-main/contract/run";
import type { RunFolder } from "../../src-main/contract/run-folder";
import type { Bridge } from "../bridge";
import type { Curves } from "./curves.svelte";
import { type Engine, inWords } from "./engine.svelte";
import { factsOf, type ReadRun, type RunFacts, withEvidence } from "./seal";
import { curvesOf, folderName } from "./training.svelte";
import { baseName, dateTime, folderOf } from "./words";

/** A comparison with its arms, or a run of one model. */
export interface RunGroup {
  directory: string;
  name: string;
  started: string;
  state: RunState;
  arms: ListedRun[];
  /** Who trains it now; null if nobody does. */
  owner: RunOwner | null;
  /** Whether all its runs ended before their first checkpoint, so that resuming begins anew. */
  beginsAnew: boolean;
  /** What is wrong with the files of one of its runs, in words; null if nothing is. */
  damage: string | null;
  /** The sweep of which this comparison is one; null if it is of none, or if nothing tells. */
  sweep: ListedRun["sweep"];
}

/** What a report is written on. */
export type Reported = Pick<RunGroup, "name" | "started" | "arms">;

/**
 * Where a run is trained now. unknown: by a process of which this computer cannot tell whether it is still there, because it runs on another
 * computer or has given no sign of life for a while.
 */
export type Whereabouts = "nowhere" | "here" | "elsewhere" | "unknown";

export interface OpenRun {
  group: RunGroup;
  arms: ReadRun[];
  curves: Curves;
  facts: RunFacts;
  /** How sure the difference is; null for what is no finished comparison. */
  summary: ProvenSummary | null;
}

/** While another process trains a run of the list, and while none is known to: one may be begun in a terminal at any time. */
const REFRESH_MS = { live: 3000, quiet: 6000 };
/** Times as long as a list takes to read, before it is read again. */
const RESTS = 9;

/** The runs in the runs folder, and the one that is open. */
export class Runs {
  groups: RunGroup[] = $state.raw([]);
  /** What their folders say beside them. */
  folders: RunFolder[] = $state.raw([]);
  open: OpenRun | null = $state.raw(null);
  loading = $state(true);
  /** The folder of the run that is being opened; null while none is. */
  opening: string | null = $state(null);
  #checking: Promise<void> = Promise.resolve();
  #isReading = false;
  /** What the last list said, and how long it took and when it came, in milliseconds. */
  #last = { text: "", took: 0, at: Number.NEGATIVE_INFINITY };
  #listProblem: string | null = $state(null);
  #runProblem: string | null = $state(null);

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    private readonly runsDirectory: () => string,
    /** The folder of the run that this app trains; null if it trains none. */
    private readonly trained: () => string | null,
  ) {}

  /** Why a run or the list could not be read. */
  get problem(): string | null {
    return this.#runProblem ?? this.#listProblem;
  }

  whereabouts(group: RunGroup): Whereabouts {
    return whereaboutsOf(group, this.trained(), Date.now());
  }

  /** Whether another process trains one of the runs, so that the list gets out of date by itself. */
  get areLiveElsewhere(): boolean {
    return this.groups.some((group) => !["nowhere", "here"].includes(this.whereabouts(group)));
  }

  /**
   * Refreshes the list every few seconds, until the function that it returns is called. Nothing is asked while the window cannot be seen, nor before the
   * last answer has come, nor so often that a long list would keep the engine busy.
   */
  keepFresh(): () => void {
    const refresh = () => {
      const isDue = performance.now() - this.#last.at >= RESTS * this.#last.took;
      if (isDue && !this.#isReading && !globalThis.document?.hidden && this.engine.state.kind === "ready") this.#read();
    };
    const timer = setInterval(refresh, this.areLiveElsewhere ? REFRESH_MS.live : REFRESH_MS.quiet);
    return () => clearInterval(timer);
  }

  async refresh(): Promise<void> {
    this.#runProblem = null;
    await this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    const [begun, before] = [performance.now(), this.#last.text];
    this.#listProblem = await problemIn(async () => {
      const directory = this.runsDirectory();
      const [listed, folders] = await Promise.all([this.engine.call("listRuns", { directory }), this.engine.call("listFolders", { directory })]);
      const text = JSON.stringify([listed, folders]);
      this.#last = { text, took: performance.now() - begun, at: performance.now() };
      if (text === before) return;
      this.groups = groupRuns(listed);
      this.folders = folders;
    });
    this.#isReading = false;
    this.loading = false;
  }

  /** Opens a run with its curves. Its evidence and what it shows follow: they take longer to compute. */
  async look(group: RunGroup): Promise<void> {
    this.opening = group.directory;
    this.#runProblem = await problemIn(async () => {
      const arms = await this.details(group);
      this.open = { group, arms, curves: curvesOf(arms), facts: factsOf(arms), summary: null };
    });
    this.opening = null;
    if (this.open?.group === group) this.#checking = this.#complete(this.open);
  }

  async #complete({ group, arms, curves }: OpenRun): Promise<void> {
    if (group.sweep) this.#runProblem ??= await problemIn(async () => curves.addSeeds(await this.engine.call("seeds", { directory: arms[0]!.directory })));
    for (const { directory } of arms) {
      if (this.open?.curves !== curves) return;
      this.#runProblem ??= await problemIn(async () => {
        const evidence = await this.engine.call("readEvidence", { directory });
        if (this.open?.curves !== curves) return;
        curves.link(evidence);
        this.open = { ...this.open, facts: withEvidence(this.open.facts, evidence) };
      });
    }
    if (this.open?.curves !== curves || groupDifference(group) === null) return;
    // Without it, the rest can still be looked at.
    const summary = await this.engine.call("comparison", { directory: group.directory }).catch(() => null);
    if (this.open?.curves === curves) this.open = { ...this.open, summary };
  }

  /** Resolves when all of the open run is there. */
  async checked(): Promise<void> {
    await this.#checking;
  }

  close(): void {
    this.open = null;
  }

  details(group: RunGroup): Promise<ReadRun[]> {
    return Promise.all(group.arms.map(({ directory }) => this.engine.call("readCourse", { directory })));
  }

  /** Of those runs that can be read: resuming may restore the others, and says what it finds. */
  async readable(group: RunGroup): Promise<ReadRun[]> {
    const arms = await Promise.allSettled(group.arms.map(({ directory }) => this.engine.call("readCourse", { directory })));
    return arms.flatMap((arm) => (arm.status === "fulfilled" ? [arm.value] : []));
  }

  /** The live run in a group's folder; null if nobody trains there any more. */
  attach({ directory }: RunGroup): Promise<LiveRun | null> {
    return this.engine.call("attach", { directory });
  }

  /** Stops a run, whichever process trains it. It is stopped once that process has written a checkpoint. */
  async stop(group: RunGroup): Promise<void> {
    const live = await this.attach(group);
    if (live) await this.engine.call("control", { run: live.run, action: "stop" });
    await this.refresh();
  }

  /** A run is no longer in its folder. */
  async left(directory: string): Promise<void> {
    if (this.open && isWithin(this.open.group.directory, directory)) this.close();
    await this.refresh();
  }

  /** Asks for a place, writes the report there and returns its path; null if the user cancelled. */
  async exportReport({ name, started, arms }: Reported, format: ReportFormat | PrintedFormat): Promise<string | null> {
    const place = await this.bridge.chooseReportFile(format, folderName(name, new Date(started)));
    if (!place) return null;
    const runs = arms.map(({ directory }) => directory);
    const isPrinted = format === "pdf" || format === "png";
    await this.engine.call("report", { runs, format: isPrinted ? "html" : format, out: place.written });
    if (isPrinted) await this.bridge.printReport(place.chosen);
    return place.chosen;
  }
}

const isWithin = (directory: string, folder: string): boolean =>
  directory === folder || directory.startsWith(`${folder}/`) || directory.startsWith(`${folder}\\`);

/** Why work failed, in words; null if it did not. */
async function problemIn(work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return inWords(error);
  }
}

/** Arms of one comparison lie in one folder. Newest first. */
export function groupRuns(summaries: readonly ListedRun[]): RunGroup[] {
  const groups = new Map<string, ListedRun[]>();
  for (const summary of summaries) {
    const directory = summary.arm === "single" ? summary.directory : folderOf(summary.directory);
    groups.set(directory, [...(groups.get(directory) ?? []), summary]);
  }
  return [...groups]
    .map(([directory, arms]) => ({
      directory,
      // Other programs may have given it none.
      name: arms[0]!.name.trim() || baseName(directory),
      started: earliest(arms),
      state: groupState(arms),
      arms: arms.sort(byArm),
      owner: arms.find(({ owner }) => owner !== null)?.owner ?? null,
      beginsAnew: arms.every(({ beginsAnew }) => beginsAnew),
      damage: arms.find(({ damage }) => damage !== null)?.damage ?? null,
      sweep: arms[0]!.sweep,
    }))
    .sort((a, b) => b.started.localeCompare(a.started));
}

const earliest = (arms: readonly RunSummary[]): string => arms.map(({ started }) => started).sort()[0]!;

/** A comparison is finished when all arms are. Otherwise its state is that of the arm that needs attention most. */
export function groupState(arms: readonly RunSummary[]): RunState {
  const order: RunState[] = ["failed", "running", "paused", "stopped"];
  const unfinished = order.find((state) => arms.some((arm) => arm.state === state));
  return unfinished ?? (arms.length === 1 && arms[0]!.arm !== "single" ? "stopped" : "finished");
}

/** Signs of life come every few seconds. */
const SILENT_MS = 60_000;

/** `trained`: the folder of the run that this app trains. The comparisons of a sweep lie in folders below its own. */
export function whereaboutsOf({ directory, owner }: RunGroup, trained: string | null, now: number): Whereabouts {
  if (!owner) return "nowhere";
  if (trained !== null && (directory === trained || folderOf(directory) === trained)) return "here";
  return owner.host !== null || now - Date.parse(owner.lastSign) > SILENT_MS ? "unknown" : "elsewhere";
}

const PLACES: Record<RunOwner["program"], string> = { app: "in another copy of the app", "command line": "in the command line", server: "by distill serve" };

/** "in the command line on ada, process 123" */
export function ownerInWords({ program, host, pid }: RunOwner): string {
  return `${PLACES[program]}${host === null ? "" : ` on ${host}`}, process ${pid}`;
}

/** "seed 8", "250 labels, seed 8", "trial 3": which comparison of a sweep or trial of a search this is; null if it is none of one. */
export function memberInWords({ directory }: RunGroup): string | null {
  const trial = /^trial-(\d+)$/.exec(baseName(directory))?.[1];
  if (trial) return `trial ${Number(trial)}`;
  const seed = /^seed-(\d+)$/.exec(baseName(directory))?.[1];
  return seed ? [labelsInWords(folderOf(directory)), `seed ${seed}`].filter(Boolean).join(", ") : null;
}

/** "250 labels": at how many a sweep over seeds is one of several; null if it is none of those. */
function labelsInWords(sweep: string): string | null {
  const labels = /^labels-(\d+)$/.exec(baseName(sweep))?.[1];
  return labels ? `${labels} labels` : null;
}

/** A comparison of a sweep shares its name with the others. */
export const nameInWords = (group: RunGroup): string => [group.name, memberInWords(group)].filter(Boolean).join(", ");

/** When a process that may be gone was last known to be alive. */
export const lastSignInWords = ({ lastSign }: RunOwner): string => `last sign of life ${dateTime(lastSign)}`;

/** An arm's accuracy in its last test. */
export interface GroupFigure {
  testAcc: number;
  /** Epochs that the arm had done; named where the arms may have been tested after different ones. */
  byEpoch: number | null;
}

export function figureOf(group: RunGroup, arm: ArmName): GroupFigure | null {
  const summary = group.arms.find((candidate) => candidate.arm === arm);
  if (!summary || summary.testAcc === null) return null;
  return { testAcc: summary.testAcc, byEpoch: testedTogether(group) ? null : summary.epochsDone };
}

/** Student minus control, given only where both are whole and were tested after the same, their last, epoch. */
export function groupDifference(group: RunGroup): number | null {
  const [control, student] = [figureOf(group, "control"), figureOf(group, "student")];
  return control && student && testedTogether(group) && group.damage === null ? student.testAcc - control.testAcc : null;
}

/** All arms are finished, and after the same number of epochs. */
function testedTogether({ state, arms }: RunGroup): boolean {
  return state === "finished" && arms.every(({ epochsDone }) => epochsDone === arms[0]!.epochsDone);
}

const listed = new Intl.ListFormat("en-GB");

/** "3 of 5 epochs", or of each arm: "3, 3 and 2 of 5 epochs". */
export function epochsInWords({ arms }: RunGroup): string {
  const of = (values: readonly (number | string)[]) => (values.every((value) => value === values[0]) ? String(values[0]) : listed.format(values.map(String)));
  const total = of(arms.map(({ epochs }) => epochs || "?"));
  return `${of(arms.map(({ epochsDone }) => epochsDone))} of ${total} ${total === "1" ? "epoch" : "epochs"}`;
}

/** The recipe of these arms: the student's, with the control's settings as its `control`. Null if an arm is missing. */
export function recipeOf(arms: readonly ReadRun[]): Recipe | null {
  const single = arms.find(({ arm }) => arm === "single");
  if (single) return single.recipe;
  const student = arms.find(({ arm }) => arm === "student");
  const control = arms.find(({ arm }) => arm === "control");
  return student && control ? { ...student.recipe, control: { train: control.recipe.train } } : null;
}

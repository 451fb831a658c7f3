/** Sends runs as they lie in their folders: what the server has already is not sent again. */
import type { ProvenSummary, RunDetails, RunState } from "../contract/run";
import { type StepScalars, scalarsOfRun } from "../tensorboard/scalars";
import { inCalls, metricsOf, type Pair, parametersOf, tag, tagsOf, withoutPlaces } from "./entities";
import type { MlflowServer } from "./server";
import { experimentNamed, type Status, TrackedRun } from "./tracked-run";

/** Runs that belong together: a comparison, a sweep or a search. */
export interface Family {
  /** Of its first run. */
  key: string;
  name: string;
  directory: string;
  kind: "comparison" | "sweep" | "search";
  /** Milliseconds since 1970. */
  start: number;
}

/** A run, and its place among others. */
export interface Subject {
  run: RunDetails;
  key: string;
  name: string;
  /** null: a run by itself. */
  family: Family | null;
  /** The program's. */
  version: string;
}

const STATUS: Record<RunState, Status> = { running: "RUNNING", paused: "RUNNING", stopped: "KILLED", finished: "FINISHED", failed: "FAILED" };
/** The worst of several counts. */
const WORST: readonly Status[] = ["RUNNING", "FAILED", "KILLED", "FINISHED"];

/** Metrics that every batch, or every epoch, has. */
export const MARKS = { batch: "batch/loss", epoch: "epoch/train_loss" } as const;

export class Sender {
  readonly #experiments = new Map<string, Promise<string>>();
  readonly #families = new Map<string, TrackedRun>();
  readonly #statuses = new Map<string, Status[]>();

  /** `onExperiment` is told once of each, with the address of its page. */
  constructor(
    private readonly server: MlflowServer,
    private readonly onExperiment: (name: string, page: string) => void = () => {},
  ) {}

  /** Finds or makes the run, with what is known of it when it begins. */
  async open({ run, key, name, family, version }: Subject): Promise<TrackedRun> {
    const experiment = await this.#experiment(run.recipe.name);
    const parent = family && (await this.#family(family, experiment, version)).id;
    const tracked = await TrackedRun.open(this.server, { experiment, key, name, parent, start: Date.parse(run.started) });
    await tracked.describe(parametersOf(run), tagsOf(run, version));
    return tracked;
  }

  /** Sends what the server lacks, and how the run ended. Returns its id there, whether it lacked any figures, and whether its files went with it. */
  async whole(subject: Subject, report: Uint8Array | null): Promise<{ id: string; isNew: boolean; files: boolean }> {
    const { run, family } = subject;
    const tracked = await this.open(subject);
    let isNew = false;
    for (const call of inCalls(missing(run, tracked))) {
      await tracked.send(call);
      isNew = true;
    }
    if (tracked.takesFiles) {
      await tracked.put("recipe.json", Buffer.from(`${JSON.stringify(withoutPlaces(run.recipe), null, 2)}\n`));
      if (report) await tracked.put("report.html", report);
    }
    const status = STATUS[run.state];
    await tracked.setStatus(status, endOf(run, status));
    if (family) this.#statuses.set(family.key, [...(this.#statuses.get(family.key) ?? []), status]);
    return { id: tracked.id, isNew, files: tracked.takesFiles };
  }

  /** Runs of an opened family are trained. */
  async goesOn({ key }: Family): Promise<void> {
    await this.#families.get(key)!.setStatus("RUNNING", null);
  }

  /** What the runs of a family show together, once they are sent. `summary`: null until they are finished. */
  async family(family: Family, summary: ProvenSummary | null, report: Uint8Array | null): Promise<void> {
    const tracked = this.#families.get(family.key)!;
    if (summary) {
      await tracked.describe([], summaryTags(summary));
      await tracked.update(metricsOf({ time: Date.now() / 1000, step: 0, scalars: summaryScalars(summary) }));
    }
    if (report && tracked.takesFiles) await tracked.put("report.html", report);
    const statuses = this.#statuses.get(family.key) ?? [];
    const status = WORST.find((each) => statuses.includes(each)) ?? "RUNNING";
    await tracked.setStatus(status, status === "RUNNING" ? null : Date.now());
  }

  #experiment(name: string): Promise<string> {
    const known = this.#experiments.get(name);
    if (known) return known;
    const asked = experimentNamed(this.server, name).then((id) => {
      this.onExperiment(name, `${this.server.address}/#/experiments/${id}`);
      return id;
    });
    this.#experiments.set(name, asked);
    asked.catch(() => this.#experiments.delete(name));
    return asked;
  }

  async #family(family: Family, experiment: string, version: string): Promise<TrackedRun> {
    const { key, name, kind, start } = family;
    const known = this.#families.get(key);
    if (known) return known;
    const tracked = await TrackedRun.open(this.server, { experiment, key: `${kind} of ${key}`, name, parent: null, start });
    await tracked.describe([], [tag("distill.kind", kind), tag("distill.version", version)]);
    this.#families.set(key, tracked);
    return tracked;
  }
}

function* missing(run: RunDetails, tracked: TrackedRun): Generator<StepScalars> {
  const last = { batch: tracked.lastStep(MARKS.batch), epoch: tracked.lastStep(MARKS.epoch) };
  for (const each of scalarsOfRun(run, Date.parse(run.started) / 1000)) {
    const kind = MARKS.batch in each.scalars ? "batch" : "epoch";
    if (each.step > last[kind]) yield each;
  }
}

function endOf({ events }: RunDetails, status: Status): number | null {
  const time = Date.parse(events.at(-1)?.time ?? "");
  return status === "RUNNING" || !Number.isFinite(time) ? null : time;
}

function summaryScalars({ control, student, difference, deviation, interval, sameImages }: ProvenSummary): Record<string, number> {
  return {
    "control/test_acc": control.testAcc,
    "student/test_acc": student.testAcc,
    ...(sameImages && { "same_images/test_acc": sameImages.testAcc }),
    "difference/test_acc": difference,
    ...(deviation !== null && { "difference/deviation": deviation }),
    ...(interval && { "difference/interval_low": interval[0], "difference/interval_high": interval[1] }),
  };
}

function summaryTags({ controlled, seeds, intervalOver }: ProvenSummary): Pair[] {
  const over = intervalOver === null ? [] : [tag("distill.interval_over", intervalOver)];
  return [tag("distill.controlled", String(controlled)), tag("distill.seeds", seeds.join(", ")), ...over];
}

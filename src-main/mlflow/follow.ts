import type { ArmName } from "../contract/arms";
import { toFailure } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import type { ProvenSummary } from "../contract/run";
import { batchScalars, epochScalars, type StepScalars, stepOf } from "../tensorboard/scalars";
import { inCalls } from "./entities";
import { type Family, MARKS, type Sender, type Subject } from "./send";
import { Unreachable } from "./server";
import type { TrackedRun } from "./tracked-run";

/** What the folders of runs hold. */
export interface Folders {
  subject(directory: string): Promise<Subject>;
  /** The report on a folder, as a page. */
  report(directory: string): Promise<Uint8Array>;
  summary(directory: string): Promise<ProvenSummary | null>;
}

interface Arm {
  name: ArmName;
  directory: string;
  batchesPerEpoch: number;
  /** Of the last batch that was told; 0 before the first. */
  step: number;
  waiting: StepScalars[];
  /** Whether some of it was not kept: the rest is then sent from its folder, at the end. */
  isTooMuch: boolean;
  tracked: TrackedRun | null;
  hasEnded: boolean;
}

/** Steps of one run that wait for a server at most: some 20 MB. */
const MOST_WAITING = 50_000;
/** Milliseconds between two rounds of sending, and until a server that does not answer is asked again, at first and at most. */
const ROUND = 1000;
const AGAIN = { first: 5000, most: 60_000 };

/**
 * Shows runs on a server while their notices come. It sends what has come since its last request, so it never waits in the way of a training; a server that
 * does not answer is told once, and asked again from time to time.
 */
export class Mirror {
  readonly #arms: Arm[] = [];
  readonly #families = new Map<string, Family>();
  #working: Promise<void> | null = null;
  /** Told once: what went wrong last. */
  #problem: string | null = null;
  #isOver = false;
  #isEnding = false;
  #wake = () => {};

  /** `now`: seconds since 1970. `onProblem`: what a person should know; the training goes on. */
  constructor(
    private readonly sender: Sender,
    private readonly folders: Folders,
    private readonly now: () => number,
    private readonly onProblem: (text: string) => void,
  ) {}

  follow(notice: NoticeBody): void {
    if (this.#isOver) return;
    // The arms of the training before have ended.
    if (notice.type === "member") this.#endAll();
    if (notice.type === "started") {
      const { arm: name, directory, batchesPerEpoch } = notice;
      this.#arms.push({ name, directory, batchesPerEpoch, step: 0, waiting: [], isTooMuch: false, tracked: null, hasEnded: false });
      this.#work();
    }
    if (notice.type === "batches") {
      const arm = this.#armOf(notice.arm);
      for (const record of notice.records) {
        arm.step = stepOf(record, arm.batchesPerEpoch);
        this.#keep(arm, batchScalars(record));
      }
    }
    if (notice.type === "epoch") {
      const arm = this.#armOf(notice.arm);
      arm.step ||= notice.record.epoch * arm.batchesPerEpoch;
      this.#keep(arm, epochScalars(notice.record));
    }
  }

  /** Sends the rest, from the folders, and how it ended. Resolves with whether all has arrived; a server that does not answer now is not waited for. */
  async finish(): Promise<boolean> {
    this.#isEnding = true;
    this.#endAll();
    this.#work();
    this.#wake();
    await this.#working;
    return this.#arms.length === 0 && !this.#isOver;
  }

  #armOf(name: ArmName): Arm {
    return this.#arms.find((arm) => arm.name === name && !arm.hasEnded)!;
  }

  #keep(arm: Arm, scalars: Record<string, number>): void {
    arm.isTooMuch ||= arm.waiting.length >= MOST_WAITING;
    if (!arm.isTooMuch) arm.waiting.push({ time: this.now(), step: arm.step, scalars });
  }

  #endAll(): void {
    for (const arm of this.#arms) arm.hasEnded = true;
  }

  #work(): void {
    this.#working ??= this.#rounds().finally(() => {
      this.#working = null;
    });
  }

  async #rounds(): Promise<void> {
    let again = AGAIN.first;
    while (this.#arms.length > 0) {
      const wasEnding = this.#isEnding;
      try {
        await this.#round();
        this.#problem = null;
        again = AGAIN.first;
        if (this.#arms.length > 0 && !this.#isEnding) await this.#pause(ROUND);
      } catch (error) {
        const mayPass = error instanceof Unreachable;
        const { message } = toFailure(error);
        if (!this.#problem) this.onProblem(`MLflow is not told what happens, the training goes on: ${message}`);
        this.#problem = message;
        this.#isOver = !mayPass;
        if (!mayPass || wasEnding) return;
        if (!this.#isEnding) await this.#pause(again);
        again = Math.min(AGAIN.most, 2 * again);
      }
    }
    for (const family of this.#isEnding ? this.#families.values() : []) await this.#family(family);
  }

  async #round(): Promise<void> {
    for (const arm of [...this.#arms]) {
      if (arm.hasEnded) await this.#whole(arm);
      else await this.#live(arm);
    }
  }

  async #live(arm: Arm): Promise<void> {
    arm.tracked ??= await this.#opened(arm);
    const { tracked } = arm;
    // A run that goes on from a checkpoint trains some steps once more.
    const has = (kind: keyof typeof MARKS, { step, scalars }: StepScalars) => MARKS[kind] in scalars && step <= tracked.lastStep(MARKS[kind]);
    const taken = arm.waiting.length;
    const steps = arm.waiting.filter((each) => !has("batch", each) && !has("epoch", each));
    for (const call of inCalls(steps)) await tracked.send(call);
    arm.waiting.splice(0, taken);
  }

  async #opened(arm: Arm): Promise<TrackedRun> {
    const subject = await this.#subject(arm);
    const tracked = await this.sender.open(subject);
    // One that is resumed had ended.
    await tracked.setStatus("RUNNING", null);
    if (subject.family) await this.sender.goesOn(subject.family);
    return tracked;
  }

  /** From its folder, which has all of it. */
  async #whole(arm: Arm): Promise<void> {
    const subject = await this.#subject(arm);
    await this.sender.whole(subject, subject.family ? null : await this.folders.report(arm.directory));
    this.#arms.splice(this.#arms.indexOf(arm), 1);
  }

  async #family(family: Family): Promise<void> {
    const { directory } = family;
    try {
      await this.sender.family(family, await this.folders.summary(directory), await this.folders.report(directory));
    } catch (error) {
      this.#isOver = true;
      this.onProblem(`MLflow is not told how ${family.name} ended: ${toFailure(error).message}`);
    }
  }

  async #subject({ directory }: Arm): Promise<Subject> {
    const subject = await this.folders.subject(directory);
    if (subject.family) this.#families.set(subject.family.key, subject.family);
    return subject;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

import { type ArmName, byArm } from "../../src-main/contract/arms";
import type { MachineSample } from "../../src-main/contract/notices";
import type { BatchRecord, EpochRecord, RunCourse, RunEvidence, SeedCourse } from "../../src-main/contract/run";
import { Column } from "./column";
import { oncePerFrame } from "./frame";
import { overSeeds, type SeedsAfter } from "./seeds";
import { folderOf } from "./words";

/** How long an arm is to be, and of how many images each batch. */
export interface ArmLength {
  batchesPerEpoch: number;
  epochs: number;
  batchSize: number;
}

/** Figures that every batch has. */
export const figureNames = ["loss", "trainAcc", "lr", "imagesPerSecond"] as const;
export type FigureName = (typeof figureNames)[number];

/** One arm's course: a column per figure of its batches, its epochs as records, and how long it is to be. */
export class ArmCurve {
  readonly loss = new Column();
  readonly trainAcc = new Column();
  readonly lr = new Column();
  readonly imagesPerSecond = new Column();
  /** That each batch took, without tests and pauses. */
  readonly seconds = new Column();
  /** Parts of the loss by name, each as long as `loss`. As in batches.csv, a batch without a part has 0; a part that is 0 so far is not among them. */
  readonly parts = new Map<string, Column>();
  partNames: readonly string[] = $state.raw([]);
  /** Evidence: one link per batch; null where there is none, and where it has not been read yet. */
  readonly chain: (string | null)[] = [];
  /** How many batches have a link. */
  linked = 0;
  epochs: EpochRecord[] = $state.raw([]);
  readonly batchesPerEpoch: number;
  readonly totalEpochs: number;
  readonly batchSize: number;

  constructor(
    readonly arm: ArmName,
    readonly directory: string,
    { batchesPerEpoch, epochs, batchSize }: ArmLength,
  ) {
    this.batchesPerEpoch = batchesPerEpoch;
    this.totalEpochs = epochs;
    this.batchSize = batchSize;
  }

  get batches(): number {
    return this.loss.length;
  }

  /** Of the last epoch that was tested. */
  get testAcc(): { epoch: number; value: number } | null {
    const tested = lastOf(this.epochs, ({ testAcc }) => testAcc !== null);
    return tested ? { epoch: tested.epoch, value: tested.testAcc! } : null;
  }

  /** Of this epoch, if it was tested. */
  testOf(epoch: number): EpochRecord | null {
    return lastOf(this.epochs, (record) => record.epoch === epoch && record.testAcc !== null);
  }

  /** A figure or the name of a part of the loss; null if this arm has no such column. */
  column(name: string): Column | null {
    return isFigure(name) ? this[name] : (this.parts.get(name) ?? null);
  }

  /** Adds a batch unless it is there: a run that is watched from its start on repeats what its folder holds. */
  add({ epoch, iter, loss, trainAcc, lr, imagesPerSecond, chain, parts }: BatchRecord): void {
    if ((epoch - 1) * this.batchesPerEpoch + iter <= this.batches) return;
    for (const [name, value] of Object.entries(parts)) if (value !== 0) this.#beginPart(name);
    for (const [name, column] of this.parts) column.push(parts[name] ?? 0);
    this.loss.push(loss);
    this.trainAcc.push(trainAcc);
    this.lr.push(lr);
    this.imagesPerSecond.push(imagesPerSecond);
    this.seconds.push(this.batchSize / imagesPerSecond);
    this.chain.push(chain);
    if (chain !== null) this.linked++;
  }

  /** What a run folder holds. Its evidence comes later. For an arm without batches. */
  addAll({ columns, epochRecords }: Pick<RunCourse, "columns" | "epochRecords">): void {
    for (const [name, values] of Object.entries(columns.parts)) {
      if (!values.some((value) => value !== 0)) continue;
      this.#beginPart(name).append(values);
    }
    for (const name of figureNames) this[name].append(columns[name]);
    this.seconds.append(columns.imagesPerSecond.map((speed) => this.batchSize / speed));
    while (this.chain.length < columns.batches) this.chain.push(null);
    this.epochs = epochRecords;
  }

  /** The links of the first batches, as the folder's evidence has them. */
  link(links: RunEvidence["chain"]): void {
    for (let i = 0; i < Math.min(links.length, this.batches); i++) {
      if (links[i] === null || this.chain[i] !== null) continue;
      this.chain[i] = links[i]!;
      this.linked++;
    }
  }

  addEpoch(record: EpochRecord): void {
    if (!this.epochs.some(({ epoch }) => epoch === record.epoch)) this.epochs = [...this.epochs, record];
  }

  #beginPart(name: string): Column {
    let column = this.parts.get(name);
    if (!column) {
      column = new Column();
      column.append(new Float32Array(this.batches));
      this.parts.set(name, column);
      this.partNames = [...this.parts.keys()];
    }
    return column;
  }
}

const isFigure = (name: string): name is FigureName => (figureNames as readonly string[]).includes(name);

/** An arm's test accuracy, after the last epoch after which all arms were tested: figures that stand side by side compare. */
export interface ArmFigure {
  arm: ArmName;
  /** Null before there is one. The first arm to be tested at all has its own. */
  test: { epoch: number; value: number } | null;
  /** Of the averaged weights, in that epoch; null without any. */
  averaged: number | null;
  /** What the arm has reached since. */
  ahead: { epoch: number; value: number } | null;
}

/** Of two arms' test accuracies, after an epoch. */
interface Difference {
  epoch: number;
  value: number;
}

/**
 * The arms of one run, side by side, as charts and figures take them. Arms, their epochs and other seeds are state, and what is derived from them is computed anew
 * with an epoch. Columns are no state of Svelte's: `version` changes whenever they or anything else does, once a frame.
 */
export class Curves {
  arms: ArmCurve[] = $state.raw([]);
  /** How the same arms went with other seeds of the sweep; none for a run of one seed. */
  otherSeeds: readonly SeedCourse[] = $state.raw([]);
  /** Of this machine, while the run is trained and watched. */
  machine: readonly MachineSample[] = $state.raw([]);
  version = $state(0);

  /** Of the arm with the most of them. */
  readonly batchesPerEpoch: number = $derived(Math.max(0, ...this.arms.map(({ batchesPerEpoch }) => batchesPerEpoch)));
  readonly epochs: number = $derived(Math.max(0, ...this.arms.map(({ totalEpochs }) => totalEpochs)));
  /** Names of the parts of the loss that some arm has, in the order of the arms and their first batches. */
  readonly lossParts: readonly string[] = $derived([...new Set(this.arms.flatMap(({ partNames }) => partNames))]);
  /** Batches that an arm has come to with any other seed. */
  readonly batchesOfOthers: number = $derived(this.batchesPerEpoch * Math.max(0, ...this.otherSeeds.map(({ epochs }) => epochs.at(-1)?.epoch ?? 0)));
  /** What each arm came to, with the seed on screen and with the others. */
  readonly overSeeds: ReadonlyMap<ArmName, SeedsAfter[]> = $derived(
    new Map(
      this.arms.map(({ arm, epochs }) => {
        const own = epochs.flatMap(({ epoch, testAcc }) => (testAcc === null ? [] : [{ epoch, testAcc }]));
        return [arm, overSeeds([own, ...this.otherSeeds.filter((other) => other.arm === arm).map((other) => other.epochs)])];
      }),
    ),
  );
  readonly figures: ArmFigure[] = $derived.by(() => {
    const together = this.#lastTestOf(this.arms);
    return this.arms.map((curve) => figureOf(curve, together));
  });
  /** Student minus control after the last epoch in which both were tested; null before that. */
  readonly difference: Difference | null = $derived(this.#between("control", "student"));
  /** What the teacher adds on the same images, and what images without labels add to that, after the epoch of `difference`; null if that is not known. */
  readonly gainParts: { teacherAdds: number; imagesAdd: number } | null = $derived.by(() => {
    const [teacherAdds, imagesAdd] = [this.#between("control", "same-images"), this.#between("same-images", "student")];
    if (!teacherAdds || !imagesAdd || teacherAdds.epoch !== imagesAdd.epoch || imagesAdd.epoch !== this.difference?.epoch) return null;
    return { teacherAdds: teacherAdds.value, imagesAdd: imagesAdd.value };
  });

  arm(name: ArmName): ArmCurve | undefined {
    return this.arms.find(({ arm }) => arm === name);
  }

  /** The epoch that the arm furthest behind is in, from 1; 0 before any has started. */
  get currentEpoch(): number {
    void this.version;
    const current = this.arms.map(({ batches, batchesPerEpoch, totalEpochs }) => Math.min(totalEpochs, Math.floor(batches / batchesPerEpoch) + 1));
    return current.length > 0 ? Math.min(...current) : 0;
  }

  addSample(sample: MachineSample): void {
    this.machine = [...this.machine, sample];
  }

  /** What the sweep has of all its seeds. The arms themselves have that of their own. */
  /** Mean test accuracy of the averaged weights after the last epoch, over all seeds; null unless all have some. */
  averagedOverSeeds(arm: ArmName): number | null {
    const own = this.figures.find((each) => each.arm === arm)?.averaged ?? null;
    const others = this.otherSeeds.filter((other) => other.arm === arm).map(({ epochs }) => epochs.at(-1)?.emaAcc ?? null);
    const all = [own, ...others];
    return all.every((value) => value !== null) ? all.reduce((sum, value) => sum + value!, 0) / all.length : null;
  }

  addSeeds(seeds: readonly SeedCourse[]): void {
    const own = this.arms.map(({ directory }) => folderOf(directory));
    this.otherSeeds = seeds.filter(({ directory }) => !own.includes(folderOf(directory)));
    this.version++;
  }

  /** An arm begins or is resumed: from now on it has what is added, and nothing else. */
  open(arm: ArmCurve): void {
    const others = this.arms.filter(({ arm: name }) => name !== arm.arm);
    this.arms = [...others, arm].sort(byArm);
    this.version++;
  }

  /** Nothing is added to an arm that has not begun. */
  addBatches(name: ArmName, records: readonly BatchRecord[]): void {
    const arm = this.arm(name);
    for (const record of records) arm?.add(record);
    this.#changeSoon();
  }

  /** Charts and figures look once per frame, however often batches come. */
  readonly #changeSoon = oncePerFrame(() => {
    this.version++;
  });

  addEpoch(name: ArmName, record: EpochRecord): void {
    this.arm(name)?.addEpoch(record);
    this.version++;
  }

  link({ arm, chain }: RunEvidence): void {
    this.arm(arm)?.link(chain);
    this.version++;
  }

  /** The last epoch after which each of these arms was tested; null without one. */
  #lastTestOf([first, ...others]: readonly ArmCurve[]): number | null {
    return lastOf(first?.epochs ?? [], ({ epoch, testAcc }) => testAcc !== null && others.every((arm) => arm.testOf(epoch)))?.epoch ?? null;
  }

  #between(first: ArmName, second: ArmName): Difference | null {
    const [before, after] = [this.arm(first), this.arm(second)];
    const epoch = before && after && this.#lastTestOf([before, after]);
    if (!epoch) return null;
    return { epoch, value: after.testOf(epoch)!.testAcc! - before.testOf(epoch)!.testAcc! };
  }
}

/** `together`: the last epoch after which all arms were tested. */
function figureOf(curve: ArmCurve, together: number | null): ArmFigure {
  const last = curve.testAcc;
  const epoch = together ?? last?.epoch;
  const record = epoch === undefined ? null : curve.testOf(epoch);
  return {
    arm: curve.arm,
    test: record && { epoch: record.epoch, value: record.testAcc! },
    averaged: record?.emaAcc ?? null,
    ahead: last && record && last.epoch > record.epoch ? last : null,
  };
}

/** Looks from the end on, as what is asked for is there. */
function lastOf<T>(values: readonly T[], isAsked: (value: T) => boolean): T | null {
  for (let i = values.length - 1; i >= 0; i--) if (isAsked(values[i]!)) return values[i]!;
  return null;
}

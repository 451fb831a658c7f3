import { type ArmName, byArm } from "../../src-main/contract/arms";
import type { MachineSample } from "../../src-main/contract/notices";
import type { BatchRecord, EpochRecord, RunCourse, RunEvidence, SeedCourse } from "../../src-main/contract/run";
import { Column } from "./column";
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
    const tested = this.epochs.filter(({ testAcc }) => testAcc !== null).at(-1);
    return tested ? { epoch: tested.epoch, value: tested.testAcc! } : null;
  }

  /** Of this epoch, if it was tested. */
  testOf(epoch: number): EpochRecord | null {
    return this.epochs.find((record) => record.epoch === epoch && record.testAcc !== null) ?? null;
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
    for (const record of epochRecords) this.addEpoch(record);
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

/** The arms of one run, side by side, as charts and figures take them. Columns are no state of Svelte's: `version` changes whenever they do. */
export class Curves {
  arms: ArmCurve[] = $state.raw([]);
  /** How the same arms went with other seeds of the sweep; none for a run of one seed. */
  otherSeeds: readonly SeedCourse[] = $state.raw([]);
  /** Of this machine, while the run is trained and watched. */
  machine: readonly MachineSample[] = $state.raw([]);
  version = $state(0);

  arm(name: ArmName): ArmCurve | undefined {
    return this.arms.find(({ arm }) => arm === name);
  }

  /** Of the arm with the most of them. */
  get batchesPerEpoch(): number {
    void this.version;
    return Math.max(0, ...this.arms.map(({ batchesPerEpoch }) => batchesPerEpoch));
  }

  get epochs(): number {
    void this.version;
    return Math.max(0, ...this.arms.map(({ totalEpochs }) => totalEpochs));
  }

  /** The epoch that the arm furthest behind is in, from 1; 0 before any has started. */
  get currentEpoch(): number {
    void this.version;
    const current = this.arms.map(({ batches, batchesPerEpoch, totalEpochs }) => Math.min(totalEpochs, Math.floor(batches / batchesPerEpoch) + 1));
    return current.length > 0 ? Math.min(...current) : 0;
  }

  /** Names of the parts of the loss that some arm has, in the order of the arms and their first batches. */
  get lossParts(): string[] {
    void this.version;
    return [...new Set(this.arms.flatMap(({ parts }) => [...parts.keys()]))];
  }

  addSample(sample: MachineSample): void {
    this.machine = [...this.machine, sample];
  }

  /** What the sweep has of all its seeds. The arms themselves have that of their own. */
  addSeeds(seeds: readonly SeedCourse[]): void {
    const own = this.arms.map(({ directory }) => folderOf(directory));
    this.otherSeeds = seeds.filter(({ directory }) => !own.includes(folderOf(directory)));
    this.version++;
  }

  /** Batches that an arm has come to with any other seed. */
  get batchesOfOthers(): number {
    return this.batchesPerEpoch * Math.max(0, ...this.otherSeeds.flatMap(({ epochs }) => epochs.map(({ epoch }) => epoch)));
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

  #isChanging = false;

  /** Charts and figures look once per frame, however often batches come: together with the next frame, or at once where nothing is drawn. */
  #changeSoon(): void {
    if (this.#isChanging) return;
    const change = () => {
      this.#isChanging = false;
      this.version++;
    };
    this.#isChanging = true;
    if (typeof requestAnimationFrame === "function") requestAnimationFrame(change);
    else change();
  }

  addEpoch(name: ArmName, record: EpochRecord): void {
    this.arm(name)?.addEpoch(record);
    this.version++;
  }

  link({ arm, chain }: RunEvidence): void {
    this.arm(arm)?.link(chain);
    this.version++;
  }

  get figures(): ArmFigure[] {
    void this.version;
    const together = this.#lastTestOfAll;
    return this.arms.map((curve) => {
      const last = curve.testAcc;
      const epoch = together ?? last?.epoch;
      const record = epoch === undefined ? null : curve.testOf(epoch);
      return {
        arm: curve.arm,
        test: record && { epoch: record.epoch, value: record.testAcc! },
        averaged: record?.emaAcc ?? null,
        ahead: last && record && last.epoch > record.epoch ? last : null,
      };
    });
  }

  get #lastTestOfAll(): number | null {
    const [first, ...others] = this.arms;
    const tested = (first?.epochs ?? []).filter(({ epoch }) => [first!, ...others].every((arm) => arm.testOf(epoch)));
    return tested.at(-1)?.epoch ?? null;
  }

  /** Student minus control after the last epoch in which both were tested; null before that. */
  get difference(): Difference | null {
    return this.#between("control", "student");
  }

  /** What the teacher adds on the same images, and what images without labels add to that, after the epoch of `difference`; null if that is not known. */
  get gainParts(): { teacherAdds: number; imagesAdd: number } | null {
    const [teacherAdds, imagesAdd] = [this.#between("control", "same-images"), this.#between("same-images", "student")];
    if (!teacherAdds || !imagesAdd || teacherAdds.epoch !== imagesAdd.epoch || imagesAdd.epoch !== this.difference?.epoch) return null;
    return { teacherAdds: teacherAdds.value, imagesAdd: imagesAdd.value };
  }

  #between(first: ArmName, second: ArmName): Difference | null {
    void this.version;
    const [before, after] = [this.arm(first), this.arm(second)];
    if (!before || !after) return null;
    for (const { epoch, testAcc } of [...after.epochs].reverse()) {
      const other = before.epochs.find((record) => record.epoch === epoch)?.testAcc ?? null;
      if (testAcc !== null && other !== null) return { epoch, value: testAcc - other };
    }
    return null;
  }
}

import type { ArmName, BatchRecord, EpochRecord } from "../../src-main/contract/run";

/** One arm's course: a column per figure of its batches, its epochs as records, and how long it is to be. */
export class ArmCurve {
  readonly loss: number[] = [];
  readonly trainAcc: number[] = [];
  /** Evidence: one link per batch. */
  readonly chain: (string | null)[] = [];
  /** Parts of the loss by name, each as long as `loss`; null at batches that have no such part. */
  readonly parts = new Map<string, (number | null)[]>();
  epochs: EpochRecord[] = $state.raw([]);
  directory = $state("");
  batchesPerEpoch = 0;
  totalEpochs = 0;

  constructor(readonly arm: ArmName) {}

  get batches(): number {
    return this.loss.length;
  }

  /** Of the last epoch that was tested. */
  get testAcc(): { epoch: number; value: number } | null {
    const tested = this.epochs.filter(({ testAcc }) => testAcc !== null).at(-1);
    return tested ? { epoch: tested.epoch, value: tested.testAcc! } : null;
  }

  /** Whether a part of the loss has something to show: one that is 0 in every batch does not. */
  hasPart(name: string): boolean {
    return this.parts.get(name)?.some((value) => value !== null && value !== 0) ?? false;
  }

  /** "loss", "trainAcc" or the name of a part of the loss; null if this arm has no such column. */
  column(name: string): readonly (number | null)[] | null {
    if (name === "loss" || name === "trainAcc") return this[name];
    return this.hasPart(name) ? this.parts.get(name)! : null;
  }

  /** Leaves the first `length` batches. */
  truncate(length: number): void {
    for (const column of [this.loss, this.trainAcc, this.chain, ...this.parts.values()]) column.length = Math.min(column.length, length);
  }

  add({ loss, trainAcc, chain, parts }: BatchRecord): void {
    const before = this.batches;
    for (const name of Object.keys(parts)) if (!this.parts.has(name)) this.parts.set(name, Array(before).fill(null));
    for (const [name, column] of this.parts) column.push(parts[name] ?? null);
    this.loss.push(loss);
    this.trainAcc.push(trainAcc);
    this.chain.push(chain);
  }
}

/** The arms of one run, side by side, as charts and figures take them. Columns are plain arrays: `version` changes whenever they do. */
export class Curves {
  arms: ArmCurve[] = $state.raw([]);
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

  /** Names of the parts of the loss that some arm has, in the order of their first batches. */
  get lossParts(): string[] {
    void this.version;
    return [...new Set(this.arms.flatMap((arm) => [...arm.parts.keys()].filter((name) => arm.hasPart(name))))];
  }

  open(name: ArmName, directory: string, batchesPerEpoch: number, epochs: number): void {
    const arm = this.arm(name) ?? new ArmCurve(name);
    Object.assign(arm, { directory, batchesPerEpoch, totalEpochs: epochs });
    if (!this.arms.includes(arm)) this.arms = [...this.arms, arm];
    this.version++;
  }

  /**
   * Adds batches at the position that each one names. A resumed run repeats what came after its checkpoint, so everything from the
   * first of them on is dropped.
   */
  addBatches(name: ArmName, records: readonly BatchRecord[]): void {
    const arm = this.arm(name);
    const first = records[0];
    if (!arm || !first) return;
    arm.truncate((first.epoch - 1) * arm.batchesPerEpoch + first.iter - 1);
    for (const record of records) arm.add(record);
    arm.epochs = arm.epochs.filter(({ epoch }) => epoch < first.epoch);
    this.version++;
  }

  addEpoch(name: ArmName, record: EpochRecord): void {
    const arm = this.arm(name);
    if (!arm) return;
    arm.epochs = [...arm.epochs.filter(({ epoch }) => epoch < record.epoch), record];
    this.version++;
  }

  /** Student minus control after the last epoch in which both were tested; null before that. */
  get difference(): { epoch: number; value: number } | null {
    void this.version;
    const control = this.arm("control");
    const student = this.arm("student");
    if (!control || !student) return null;
    for (const { epoch, testAcc } of [...student.epochs].reverse()) {
      const other = control.epochs.find((record) => record.epoch === epoch)?.testAcc ?? null;
      if (testAcc !== null && other !== null) return { epoch, value: testAcc - other };
    }
    return null;
  }
}

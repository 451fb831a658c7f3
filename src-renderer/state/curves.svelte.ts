import type { ArmName, BatchRecord, EpochRecord } from "../../src-main/contract/run";

/** One arm's course: its batches as columns, its epochs as records. `started` says how long an epoch is. */
export class ArmCurve {
  readonly loss: number[] = [];
  readonly ceLoss: number[] = [];
  readonly trainAcc: number[] = [];
  epochs: EpochRecord[] = $state.raw([]);
  directory = $state("");

  constructor(readonly arm: ArmName) {}

  get batches(): number {
    return this.loss.length;
  }

  /** Of the last epoch that was tested. */
  get testAcc(): { epoch: number; value: number } | null {
    const tested = this.epochs.filter(({ testAcc }) => testAcc !== null).at(-1);
    return tested ? { epoch: tested.epoch, value: tested.testAcc! } : null;
  }
}

/** The arms of one run, side by side, as charts and figures take them. Columns are plain arrays: `version` says that they changed. */
export class Curves {
  arms: ArmCurve[] = $state.raw([]);
  batchesPerEpoch = $state(0);
  epochs = $state(0);
  version = $state(0);

  arm(name: ArmName): ArmCurve | undefined {
    return this.arms.find(({ arm }) => arm === name);
  }

  open(name: ArmName, directory: string, batchesPerEpoch: number, epochs: number): void {
    const arm = this.arm(name) ?? new ArmCurve(name);
    arm.directory = directory;
    if (!this.arms.includes(arm)) this.arms = [...this.arms, arm];
    this.batchesPerEpoch = batchesPerEpoch;
    this.epochs = epochs;
    this.version++;
  }

  /**
   * Adds batches at the position that each one names. A resumed run repeats what came after its checkpoint, so what lay behind the
   * first of them goes.
   */
  addBatches(name: ArmName, records: readonly BatchRecord[]): void {
    const arm = this.arm(name);
    const first = records[0];
    if (!arm || !first) return;
    const position = (first.epoch - 1) * this.batchesPerEpoch + first.iter - 1;
    for (const column of [arm.loss, arm.ceLoss, arm.trainAcc]) column.length = Math.min(column.length, position);
    for (const { loss, parts, trainAcc } of records) {
      arm.loss.push(loss);
      arm.ceLoss.push(parts.ce!);
      arm.trainAcc.push(trainAcc);
    }
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

import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { NoticeBody } from "../contract/notices";
import { restartEvent, scalarsEvent, versionEvent } from "./event";
import { eventFileName } from "./file-name";
import { batchScalars, epochScalars, stepOf } from "./scalars";

interface ArmFile {
  file: number;
  batchesPerEpoch: number;
  /** Of the last batch; 0 before the first. */
  step: number;
}

/** Writes an event file into the folder of each run, while its notices come. A file that cannot be written is told once, and never stops the training. */
export class EventFiles {
  #arms = new Map<string, ArmFile>();
  #failed = false;

  /** `now`: seconds since 1970. */
  constructor(
    private readonly now: () => number,
    private readonly onFailure: (text: string) => void,
  ) {}

  follow(notice: NoticeBody): void {
    if (this.#failed) return;
    try {
      this.#write(notice);
    } catch (error) {
      this.#failed = true;
      this.close();
      this.onFailure(`TensorBoard's event files are not written any further, the training goes on: ${(error as Error).message}`);
    }
  }

  close(): void {
    for (const { file } of this.#arms.values()) closeSync(file);
    this.#arms.clear();
  }

  #write(notice: NoticeBody): void {
    const time = this.now();
    // The arms of the training before have ended.
    if (notice.type === "member") this.close();
    if (notice.type === "started") {
      const file = openSync(join(notice.directory, eventFileName(time, process.pid)), "a");
      this.#arms.set(notice.arm, { file, batchesPerEpoch: notice.batchesPerEpoch, step: 0 });
      writeSync(file, versionEvent(time));
    }
    if (notice.type === "batches") this.#batches(notice, time);
    if (notice.type === "epoch") {
      const { file, step, batchesPerEpoch } = this.#arms.get(notice.arm)!;
      writeSync(file, scalarsEvent(time, step || notice.record.epoch * batchesPerEpoch, epochScalars(notice.record)));
    }
  }

  #batches({ arm: name, records }: NoticeBody & { type: "batches" }, time: number): void {
    const arm = this.#arms.get(name)!;
    const first = arm.step === 0 ? records[0] : undefined;
    const events = records.map((record) => scalarsEvent(time, stepOf(record, arm.batchesPerEpoch), batchScalars(record)));
    if (first && stepOf(first, arm.batchesPerEpoch) > 1) events.unshift(restartEvent(time, stepOf(first, arm.batchesPerEpoch)));
    writeSync(arm.file, Buffer.concat(events));
    arm.step = stepOf(records.at(-1) ?? { epoch: 1, iter: 0 }, arm.batchesPerEpoch);
  }
}

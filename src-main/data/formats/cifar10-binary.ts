import { readdirSync } from "node:fs";
import { type CifarLayout, cifarFiles, cifarFormat } from "./cifar-records";

/** Name of the folder in CIFAR-10's archive. */
export const CIFAR10_FOLDER = "cifar-10-batches-bin";

const layout: CifarLayout = {
  name: "CIFAR-10",
  folder: CIFAR10_FOLDER,
  sign: "data_batch_1.bin",
  files: "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
  train: (folder) => numbered(readdirSync(folder)),
  test: "test_batch.bin",
  labelBytes: 1,
  classFile: "batches.meta.txt",
  classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
};

export const cifar10Binary = cifarFormat(layout);

/** Throws an InputError that names a file of CIFAR-10 that a folder lacks or that is truncated. */
export function checkCifar10(folder: string): void {
  cifarFiles(layout, folder);
}

/** Batches by number. */
function numbered(names: string[]): string[] {
  const batches = names.flatMap((name) => {
    const number = /^data_batch_(\d+)\.bin$/.exec(name)?.[1];
    return number ? [{ name, number: Number(number) }] : [];
  });
  return batches.sort((a, b) => a.number - b.number).map(({ name }) => name);
}

import type { Format } from "../format";
import type { Storage } from "./batch";
import { cifar10Binary, cifar100Binary, cifar100BinaryCoarse } from "./binary";
import { cifarFormat } from "./format";
import { cifar10Python, cifar100Python, cifar100PythonCoarse } from "./python";

export const cifarFormats = {
  "cifar10-binary": cifarFormat(cifar10Binary),
  "cifar10-python": cifarFormat(cifar10Python),
  "cifar100-binary": cifarFormat(cifar100Binary),
  "cifar100-python": cifarFormat(cifar100Python),
  "cifar100-coarse": inAnyVersion([cifar100BinaryCoarse, cifar100PythonCoarse]),
};

/** The same labels, whichever version a folder holds; the first one if it holds several. */
function inAnyVersion(storages: readonly Storage[]): Format {
  const formats = storages.map(cifarFormat);
  const holding = (folder: string) => formats.find((format) => format.detect(folder) !== null) ?? formats[0]!;
  return {
    expected: formats.map(({ expected }) => expected).join("; or "),
    detect: (folder) => holding(folder).detect(folder),
    read: (folder, limits, options) => holding(folder).read(folder, limits, options),
    describe: (folder, ...rest) => holding(folder).describe(folder, ...rest),
  };
}

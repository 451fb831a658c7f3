/** How images may be stored: the name in recipes, and the words for people. src-main/data/formats.ts says how each is read. */
export const dataFormats = {
  "cifar10-binary": "CIFAR-10, binary version",
  "cifar10-python": "CIFAR-10, Python version",
  "cifar100-binary": "CIFAR-100, binary version",
  "cifar100-python": "CIFAR-100, Python version",
  "cifar100-coarse": "CIFAR-100 with its 20 coarse labels",
  "image-folder": "One folder per class",
};

export type StoredFormat = keyof typeof dataFormats;
/** auto: the format is detected from the folder. */
export type DataFormat = "auto" | StoredFormat;

/** Data sets that the program downloads: the name, and what to tell people. */
export const downloads = {
  cifar10: { title: "CIFAR-10", images: 60_000, bytes: 170_052_171 },
  cifar100: { title: "CIFAR-100", images: 60_000, bytes: 168_513_733 },
} as const;

export type DownloadName = keyof typeof downloads;
export const downloadNames = Object.keys(downloads) as DownloadName[];

export const storedFormats = Object.keys(dataFormats) as StoredFormat[];

/** Those that `auto` looks for: a folder of CIFAR-100 has its fine labels unless someone says otherwise. */
export const detectedFormats = storedFormats.filter((format) => format !== "cifar100-coarse");

export const dataFormatChoices: readonly { value: DataFormat; label: string }[] = [
  { value: "auto", label: "Detect from the folder" },
  ...storedFormats.map((value) => ({ value, label: dataFormats[value] })),
];

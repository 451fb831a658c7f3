/** How images may be stored: the name in recipes, and the words for people. src-main/data/formats.ts says how each is read. */
export const dataFormats = {
  "cifar10-binary": "CIFAR-10, binary version",
  "cifar100-binary": "CIFAR-100, binary version",
  "image-folder": "One folder per class",
};

export type StoredFormat = keyof typeof dataFormats;
/** auto: the format is detected from the folder. */
export type DataFormat = "auto" | StoredFormat;

export const storedFormats = Object.keys(dataFormats) as StoredFormat[];

export const dataFormatChoices: readonly { value: DataFormat; label: string }[] = [
  { value: "auto", label: "Detect from the folder" },
  ...storedFormats.map((value) => ({ value, label: dataFormats[value] })),
];

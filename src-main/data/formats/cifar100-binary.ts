import { type CifarLayout, cifarFiles, cifarFormat } from "./cifar-records";

/** Name of the folder in CIFAR-100's archive. */
export const CIFAR100_FOLDER = "cifar-100-binary";

const FINE_CLASSES = `
  apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle caterpillar cattle
  chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house
  kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
  otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew
  skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout
  tulip turtle wardrobe whale willow_tree wolf woman worm`;

/** With its 100 fine classes. A record begins with the coarse label (one of 20 groups), which is ignored, and the fine label. */
const layout: CifarLayout = {
  name: "CIFAR-100",
  folder: CIFAR100_FOLDER,
  sign: "train.bin",
  files: "train.bin and test.bin",
  train: () => ["train.bin"],
  test: "test.bin",
  labelBytes: 2,
  classFile: "fine_label_names.txt",
  classes: FINE_CLASSES.trim().split(/\s+/),
};

export const cifar100Binary = cifarFormat(layout);

/** Throws an InputError that names a file of CIFAR-100 that a folder lacks or that is truncated. */
export function checkCifar100(folder: string): void {
  cifarFiles(layout, folder);
}

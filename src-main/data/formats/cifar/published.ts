/** CIFAR-10 and CIFAR-100 as their authors publish them (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html). */

export interface Published {
  /** For messages. */
  name: string;
  version: string;
  /** Of the archive's one folder. */
  folder: string;
  train: readonly string[];
  /** Names of such files, with their number: copies may have been divided into more of them. */
  trainNames: RegExp;
  test: string;
  /** Images in each file of training images, and in that of test images. */
  trainImages: number;
  testImages: number;
}

const numbered = (name: (number: number) => string) => [1, 2, 3, 4, 5].map(name);

const cifar10 = { name: "CIFAR-10", trainImages: 10_000, testImages: 10_000 };
const cifar100 = { name: "CIFAR-100", trainImages: 50_000, testImages: 10_000 };
const binary = { version: "binary version" };
const python = { version: "Python version" };

export const CIFAR10_BINARY: Published = {
  ...cifar10,
  ...binary,
  folder: "cifar-10-batches-bin",
  train: numbered((number) => `data_batch_${number}.bin`),
  trainNames: /^data_batch_(\d+)\.bin$/,
  test: "test_batch.bin",
};
export const CIFAR10_PYTHON: Published = {
  ...cifar10,
  ...python,
  folder: "cifar-10-batches-py",
  train: numbered((number) => `data_batch_${number}`),
  trainNames: /^data_batch_(\d+)$/,
  test: "test_batch",
};
export const CIFAR100_BINARY: Published = {
  ...cifar100,
  ...binary,
  folder: "cifar-100-binary",
  train: ["train.bin"],
  trainNames: /^train\.bin$/,
  test: "test.bin",
};
export const CIFAR100_PYTHON: Published = { ...cifar100, ...python, folder: "cifar-100-python", train: ["train"], trainNames: /^train$/, test: "test" };

/** "data_batch_1.bin to data_batch_5.bin and test_batch.bin" */
export function filesInWords({ train, test }: Published): string {
  return `${train.length > 1 ? `${train[0]} to ${train.at(-1)}` : train[0]} and ${test}`;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

export const CLASSES_10 = words("airplane automobile bird cat deer dog frog horse ship truck");

export const FINE_CLASSES = words(`
  apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle caterpillar cattle
  chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house
  kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
  otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew
  skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout
  tulip turtle wardrobe whale willow_tree wolf woman worm`);

/** Groups of five fine classes each. */
export const COARSE_CLASSES = words(`
  aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture insects large_carnivores
  large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people
  reptiles small_mammals trees vehicles_1 vehicles_2`);

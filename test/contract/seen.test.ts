import { describe, expect, test } from "vitest";
import { teachingInWords } from "../../src-main/contract/comparison";
import { presetOf } from "../../src-main/contract/presets";
import { fittedInWords, type SeenImages, seenInAll, seenInWords } from "../../src-main/contract/seen";

const clean = { count: 1000, fitted: 0, chosen: 0, accuracy: null };
const seenOf = (fitted: number, labelled: SeenImages["labelled"], test: Partial<SeenImages["test"]> = {}): SeenImages => ({
  fitted,
  labelled,
  test: { ...clean, ...test },
});

test("a network that knows test images is told, with what its accuracy on them is", () => {
  expect(seenInWords("the teacher", seenOf(5000, null), true)).toEqual([]);
  expect(seenInWords("the teacher", seenOf(5000, null, { fitted: 612, accuracy: 0.992 }), true)).toEqual([
    "the teacher was fitted to 612 of these 1,000 test images: its accuracy on them, 99.2 %, says nothing of how good it is, and its student may look better than it is",
  ]);
  expect(seenInWords("cnn", seenOf(5000, null, { fitted: 1, chosen: 30 }), false)).toEqual([
    "cnn was fitted to 1 of these 1,000 test images: its accuracy on them says nothing of how good it is",
    "cnn was chosen by 30 of these 1,000 test images, so its accuracy on them may be too high",
  ]);
});

test.each<[string, number, SeenImages["labelled"]]>([
  ["the same 5,000 labels that the control has", 5000, { count: 5000, fitted: 5000, distinct: 5000 }],
  // The control has some pictures twice.
  ["the same 5,000 labels that the control has", 4990, { count: 5000, fitted: 5000, distinct: 4990 }],
  ["the same 250 labels that the control has, and to 4,750 more", 5000, { count: 250, fitted: 250, distinct: 250 }],
  ["3,000 of the 5,000 labels that the control has, and to 100 more", 3100, { count: 5000, fitted: 3000, distinct: 3000 }],
  ["800 labels, none of them among the 5,000 that the control has", 800, { count: 5000, fitted: 0, distinct: 0 }],
  ["5,000 labels", 5000, null],
])("which labels it has seen: %s", (words, fitted, labelled) => {
  expect(fittedInWords(seenOf(fitted, labelled))).toBe(`was fitted to ${words}`);
});

describe("what a comparison says of its teachers", () => {
  const { recipe } = presetOf("demo");
  const same = seenOf(5000, { count: 5000, fitted: 5000, distinct: 5000 });

  test("is what their weights say, in place of not knowing", () => {
    const words = teachingInWords({ ...recipe, teacher: { ...recipe.teacher!, weights: "/t.safetensors" } }, false, [same])!;
    expect(words).toMatch(/by locality guidance\. The teacher was fitted to the same 5,000 labels that the control has\.$/);
  });

  test("is said of each of several, and of others that nobody knows", () => {
    const others = [{ ...recipe.teacher!, model: "resnet18", weights: "/own.safetensors", weight: 1 }];
    const several = { ...recipe, teacher: { ...recipe.teacher!, weights: "/t.safetensors", others } };
    expect(teachingInWords(several, false, [{ ...same, test: { ...clean, fitted: 2 } }, null])).toMatch(
      / The teacher resnet20_cifar10 was fitted to the same .* has\. The other had been trained before, on images and labels that its weights do not name\. The teacher resnet20_cifar10 was fitted to 2 of these/,
    );
  });

  test("of several seeds leaves out the labels where these differ", () => {
    const other = seenOf(5000, { count: 5000, fitted: 10, distinct: 10 });
    expect(seenInAll([[same], [same]])).toEqual([same]);
    expect(
      seenInAll([
        [same, null],
        [other, null],
      ]),
    ).toEqual([{ ...same, labelled: null }, null]);
    expect(seenInAll([[], []])).toEqual([]);
  });
});

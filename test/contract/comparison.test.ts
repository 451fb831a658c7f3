import { describe, expect, test } from "vitest";
import { gainPartsInWords, missingSeedsInWords, signedPoints, summarize, surenessInWords, teachingInWords } from "../../src-main/contract/comparison";
import { presetOf } from "../../src-main/contract/presets";
import type { Compared } from "../../src-main/contract/run";

const arm = (testAcc: number, agreement: number | null = 0.5) => ({ trainAcc: 0.6, testAcc, agreement, divergence: 1, calibrationError: 0.1 });
const of = (seed: number, difference: number, more: Partial<Compared> = {}): Compared => ({
  seed,
  control: arm(0.4),
  student: arm(0.4 + difference),
  sameImages: null,
  difference,
  interval: [difference - 0.04, difference + 0.04],
  seconds: 200,
  testImages: 1000,
  yardstick: null,
  ...more,
});
const wordsOf = (...compared: Compared[]) => surenessInWords(summarize(compared), false);

test("one seed is judged over test images, several over seeds", () => {
  expect(summarize([of(3, 0.1)])).toMatchObject({ seeds: [3], deviation: null, interval: of(3, 0.1).interval, intervalOver: "test images", moreSeeds: null });
  const several = summarize([of(3, 0.1), of(4, 0.14)]);
  expect(several).toMatchObject({ seeds: [3, 4], intervalOver: "seeds" });
  // t of one degree of freedom, 12.706, times the deviation over the root of two.
  expect(several.interval![1]).toBeCloseTo(0.12 + 12.7062 * 0.02, 5);
  expect(several.student.deviation).toBeCloseTo(0.04 * Math.SQRT1_2, 12);
});

test("a figure that one seed lacks has no mean", () => {
  const { control, student } = summarize([of(0, 0.1), of(1, 0.1, { student: arm(0.5, null) })]);
  expect([control.agreement, student.agreement, student.divergence]).toEqual([0.5, null, 1]);
});

test.each([
  [
    "better",
    [of(0, 0.18), of(1, 0.17), of(2, 0.19)],
    true,
    "The student is 18.0 points better than the control (95 %: +15.5 to +20.5; 3 seeds; 1,000 test images).",
    null,
  ],
  [
    "worse",
    [of(0, -0.18), of(1, -0.17), of(2, -0.19)],
    true,
    "The student is 18.0 points worse than the control (95 %: −20.5 to −15.5; 3 seeds; 1,000 test images).",
    null,
  ],
  [
    "uncertain",
    [of(0, -0.01), of(1, 0.01), of(2, 0.03)],
    false,
    "No difference shown yet: the student is 1.0 points above the control (95 %: −4.0 to +6.0; 3 seeds; 1,000 test images).",
    "It may be chance. If the true difference is this large, about 15 more seeds would be needed to show it.",
  ],
  [
    "none at all",
    [of(0, -0.01), of(1, 0.01)],
    false,
    "Nothing shown either way: student and control are right about equally often (95 %: −12.7 to +12.7; 2 seeds; 1,000 test images).",
    "Either may be better by as much as the interval says.",
  ],
  [
    "of one seed",
    [of(0, 0.1)],
    true,
    "The student is 10.0 points better than the control (95 %: +6.0 to +14.0; 1 seed; 1,000 test images).",
    "It is one seed: another may give another difference.",
  ],
  [
    "of one seed, and uncertain",
    [of(0, 0.01)],
    false,
    "No difference shown yet: the student is 1.0 points above the control (95 %: −3.0 to +5.0; 1 seed; 1,000 test images).",
    "It may be chance. Compare more seeds.",
  ],
  [
    "of one seed without predictions",
    [of(0, 0.01, { interval: null, testImages: null })],
    null,
    "The student is 1.0 points better than the control (1 seed).",
    "It is one seed: another may give another difference.",
  ],
] as const)("words for a difference that is %s", (_, compared, isShown, result, doubt) => {
  expect(wordsOf(...compared)).toMatchObject({ isShown, result, doubt });
});

test.each([
  [0.18, "The teacher adds 18.0 points ("],
  [-0.18, "The teacher takes 18.0 points away ("],
])("where the arms are proven to differ in the teacher alone, it is the teacher's: %d", (difference, words) => {
  expect(surenessInWords(summarize([of(0, difference)]), true).result).toContain(words);
});

test.each([
  [-0.021, "No difference shown yet: the student is 2.1 points below the control (95 %: −6.1 to +1.9; "],
  [0.021, "No difference shown yet: the student is 2.1 points above the control ("],
  [-0.0004, "Nothing shown either way: student and control are right about equally often ("],
])("a headline does not claim what its interval denies, proven or not: %d", (difference, words) => {
  for (const controlled of [true, false]) expect(surenessInWords(summarize([of(0, difference)]), controlled).result).toContain(words);
});

test("a difference that rounds to nothing has no sign of its own", () => {
  expect([-1.85e-17, 0, -0.0004, -0.0006].map(signedPoints)).toEqual(["+0.0", "+0.0", "+0.0", "−0.1"]);
});

test("how the interval was computed, and over what, is said", () => {
  expect(wordsOf(of(0, 0.1)).how).toMatch(/^With other test images like these, .*Paired bootstrap: the 1000 test images/);
  expect(wordsOf(of(0, 0.1), of(1, 0.11)).how).toMatch(/^Over all possible seeds, .*Student’s t for the mean of these 2 differences/);
  expect(wordsOf(of(0, 0.1, { interval: null })).how).toBe("No predictions are kept, so no interval is known.");
});

test("an interval without width is none: it is said that all images, or all seeds, are alike", () => {
  const same = of(0, 0, { interval: [0, 0] });
  expect(wordsOf(same)).toMatchObject({
    result: "Student and control are right about equally often (1 seed; 1,000 test images).",
    doubt: "The two models are right on the same of these 1000 test images, so the images show nothing of a difference between them.",
  });
  expect(wordsOf(of(0, 1, { interval: [1, 1] })).doubt).toMatch(/^The same one of the two models is right on every one of these 1000 test images/);
  expect(wordsOf(same, of(1, 0)).doubt).toBe("All 2 seeds have the same difference, so they do not show how much another seed may change it.");
});

test.each([
  [[0, 2], { first: 0, seeds: 3 }, "Not all of the 3 seeds that were asked for are in this result: seed 1 is missing, deleted or not finished."],
  [[4], { first: 3, seeds: 3 }, "Not all of the 3 seeds that were asked for are in this result: seeds 3 and 5 are missing, deleted or not finished."],
  [[9], { first: 0, seeds: 20 }, "Not all of the 20 seeds that were asked for are in this result: 19 of them are missing, deleted or not finished."],
  [[0, 1, 2], { first: 0, seeds: 3 }, null],
  [[0, 2], null, null],
])("seeds %j of those asked for", (found, asked, words) => {
  expect(missingSeedsInWords(found, asked)).toBe(words);
});

describe("how far the models are", () => {
  const shares = (trainAcc: number, testAcc: number) => ({ ...arm(testAcc), trainAcc });
  const compared = (control: Compared["control"], student: Compared["student"], more: Partial<Compared> = {}) =>
    of(0, student.testAcc - control.testAcc, { control, student, testImages: 60, yardstick: { oneAnswer: 1 / 6, teacher: 0.817 }, ...more });

  test("where neither has learned anything, it is said in place of more seeds, with what helps", () => {
    const { doubt, shortfall, seedsHelp } = wordsOf(compared(shares(0.25, 0.2), shares(0.3, 0.24)));
    expect(doubt).toBe(
      "Neither model has learned the classes beyond chance: always naming the largest class would be right on 16.7 % of the test images, the control is on 20.0 %, the student on 24.0 %. More seeds would show nothing: train for more epochs, at another learning rate, or with a larger student.",
    );
    expect([shortfall, seedsHelp]).toEqual([null, false]);
    const byHeart = wordsOf(compared(shares(0.99, 0.2), shares(0.3, 0.24)), compared(shares(0.99, 0.2), shares(0.3, 0.24)));
    expect(byHeart.doubt).toMatch(/More seeds would show nothing: add images, with labels or without, or augment them more; more epochs will not help\.$/);
  });

  test("one that has learned something is enough for more seeds", () => {
    const { doubt, seedsHelp } = wordsOf(compared(shares(0.25, 0.2), shares(0.3, 0.26)));
    expect([doubt, seedsHelp]).toEqual(["It is one seed: another may give another difference.", true]);
  });

  test("a student that is less than half the way to its teacher is told what helps", () => {
    expect(wordsOf(compared(shares(0.5, 0.3), shares(0.55, 0.31))).shortfall).toBe(
      "The student is far below its teacher (31.0 % against 81.7 % of the test images). It gets 55.0 % of its training images right: train for more epochs, at another learning rate, or with a larger student.",
    );
    expect(wordsOf(compared(shares(0.5, 0.3), shares(0.98, 0.48))).shortfall).toMatch(/It gets 98\.0 % .+: add images, with labels or without/);
    expect(wordsOf(compared(shares(0.5, 0.3), shares(0.98, 0.5))).shortfall).toBeNull();
  });

  test("nothing is said where the answers are not kept, or the teacher knows nothing itself", () => {
    const far = [shares(0.1, 0.1), shares(0.1, 0.1)] as const;
    expect(wordsOf(compared(...far, { yardstick: null }))).toMatchObject({ shortfall: null, seedsHelp: true });
    const learned = [shares(0.5, 0.3), shares(0.55, 0.31)] as const;
    expect(wordsOf(compared(...learned, { yardstick: { oneAnswer: 1 / 6, teacher: null } })).shortfall).toBeNull();
    expect(wordsOf(compared(...learned, { yardstick: { oneAnswer: 1 / 6, teacher: 1 / 6 } })).shortfall).toBeNull();
  });
});

test("points have a sign", () => {
  expect([0.0314, -0.0314, 0].map(signedPoints)).toEqual(["+3.1", "−3.1", "+0.0"]);
});

describe("what the student had that the control had not", () => {
  const { recipe } = presetOf("demo");
  const soft = { kind: "soft" as const, weight: 1, temperature: 1 };
  const unused = { kind: "hard" as const, weight: 0 };
  const distillation = { ...recipe.distillation!, terms: [soft, soft, unused] };
  const others = [{ ...recipe.teacher!, model: "resnet18", weights: "/own.safetensors", weight: 1 }];

  test.each([
    [
      recipe,
      "Both learned from the labels; the student alone also from the teacher, resnet20_cifar10, by locality guidance. That teacher had been trained before, on the 50,000",
    ],
    [
      { ...recipe, distillation: { ...distillation, labels: 0 } },
      "The control learned from the labels; the student only from the teacher, resnet20_cifar10, by soft labels. That",
    ],
    [
      presetOf("few-labels").recipe,
      "by soft labels and locality guidance. Besides, the student was shown images without labels, about which only the teacher says something. That",
    ],
    [
      { ...recipe, teacher: { ...recipe.teacher!, others } },
      "from the teachers, resnet20_cifar10 and resnet18, by locality guidance. Those teachers had been trained before, on images and labels that",
    ],
  ])("is told: %#", (each, words) => {
    expect(teachingInWords(each, false)).toContain(words);
  });

  test("in bf16 says why its accuracies are not those of a teacher's own report", () => {
    const words = /All accuracies are those of answers in bf16, the teacher’s too.+ in fp32, as in a teacher’s own report, they may differ by a few images\.$/;
    expect(teachingInWords({ ...recipe, train: { ...recipe.train, precision: "bf16" } }, false)).toMatch(words);
    expect(teachingInWords({ ...recipe, train: { ...recipe.train, precision: "fp32" } }, false)).not.toMatch(/bf16/);
  });

  test("is nothing where there is no teacher", () => {
    expect(teachingInWords({ ...recipe, distillation: null }, false)).toBeNull();
  });
});

describe("with a third arm, on the control's images", () => {
  const few = presetOf("few-labels").recipe;
  const parted = (seed: number, teacherAdds: number, imagesAdd: number): Compared =>
    of(seed, teacherAdds + imagesAdd, {
      sameImages: {
        ...arm(0.4 + teacherAdds),
        teacherAdds: { difference: teacherAdds, interval: [teacherAdds - 0.02, teacherAdds + 0.02] },
        imagesAdd: { difference: imagesAdd, interval: null },
      },
    });

  test("the difference has two parts, in words with how sure each is and what is proven", () => {
    const summary = summarize([parted(0, 0.091, 0.127)]);
    expect(gainPartsInWords(summary, true)).toBe(
      "Of the +21.8 points, the teacher on the same labelled images gives +9.1 (+7.1 to +11.1; controlled), and the images without labels give +12.7.",
    );
    expect(gainPartsInWords(summary, false)).toContain("(+7.1 to +11.1; not proven to be controlled)");
    expect(gainPartsInWords(summary, null)).toContain("+9.1 (+7.1 to +11.1),");
    expect(gainPartsInWords(summarize([of(0, 0.1)]), null)).toBeNull();
  });

  test("over seeds the parts are means with deviations of their own, and add up to the difference; a seed without them leaves none", () => {
    const summary = summarize([parted(0, 0.08, 0.1), parted(1, 0.1, 0.14)]);
    const { teacherAdds, imagesAdd, testAcc } = summary.sameImages!;
    expect([testAcc, teacherAdds.difference, imagesAdd.difference]).toEqual([0.49, 0.09, 0.12].map((value) => expect.closeTo(value, 12)));
    expect(teacherAdds.difference + imagesAdd.difference).toBeCloseTo(summary.difference, 12);
    expect([teacherAdds.deviation, teacherAdds.intervalOver]).toEqual([expect.closeTo(0.02 * Math.SQRT1_2, 12), "seeds"]);
    expect(summarize([parted(0, 0.08, 0.1), of(1, 0.2)]).sameImages).toBeNull();
  });

  test("what was learned from is told of all three; without the images that have no label, of none", () => {
    expect(teachingInWords(few, true)).toMatch(
      /^All three learned from the labels; the other two also from the teacher, .* the student alone was shown images without/,
    );
    const onLabelled = { ...few, distillation: { ...few.distillation!, images: "labelled" as const } };
    expect(teachingInWords(onLabelled, false)).not.toContain("without labels");
  });
});

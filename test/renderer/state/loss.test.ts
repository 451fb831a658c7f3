import { expect, it } from "vitest";
import type { Term } from "../../../src-main/contract/objectives";
import { softmax } from "../../../src-main/contract/softmax";
import { figure, standardized, summandsOf } from "../../../src-renderer/state/loss";

const example = { teacher: [2, 0.5, -1, 0], student: [0.3, -0.2, 0.1, 1], label: 1 };
const untrained = { ...example, student: [0, 0, 0, 0] };
const lossBy = (term: Term, of = example) => summandsOf({ labels: 0, terms: [term] }, of)[0]!.value!;
const entropy = (logits: number[], temperature: number) => softmax(logits, temperature).reduce((sum, p) => sum - p * Math.log(p), 0);

it("labels: the cross-entropy, which is ln K for a student that knows nothing", () => {
  const [labels] = summandsOf({ labels: 1, terms: [] }, untrained);
  expect(labels).toMatchObject({ symbols: "CE", weight: 1 });
  expect(labels!.value).toBeCloseTo(Math.log(4), 12);
  expect(summandsOf({ labels: 1, terms: [] }, example)[0]!.value).toBeCloseTo(-Math.log(softmax(example.student)[1]!), 12);
});

it("soft labels: T² KL, which for such a student is T² (ln K - H)", () => {
  const soft = { kind: "soft", weight: 0.5, temperature: 3 } as const;
  expect(lossBy(soft, untrained)).toBeCloseTo(9 * (Math.log(4) - entropy(example.teacher, 3)), 12);
  expect(lossBy(soft, { ...example, student: example.teacher })).toBe(0);
  expect(summandsOf({ labels: 0, terms: [soft] }, untrained)[0]!.factors).toBe("T² 9.00 × KL 0.0675");
});

it("decoupled soft labels add up to KL where the others weigh as much as they are likely (Zhao et al. 2022, equation 6)", () => {
  const others = 1 - softmax(example.teacher, 2)[1]!;
  const dkd = { kind: "dkd", weight: 1, temperature: 2, alpha: 1, beta: others } as const;
  expect(lossBy(dkd)).toBeCloseTo(lossBy({ kind: "soft", weight: 1, temperature: 2 }), 12);
});

it("standardized soft labels forget size and mean of logits", () => {
  const term = { kind: "standardized-soft", weight: 9, temperature: 2 } as const;
  expect(lossBy({ ...term }, { ...example, teacher: example.teacher.map((logit) => 5 * logit + 7) })).toBeCloseTo(lossBy(term), 12);
  const deviation = Math.sqrt(standardized(example.teacher).reduce((sum, z) => sum + z * z, 0) / 3);
  expect(deviation).toBeCloseTo(1, 12);
});

it("hard labels, logits and the token", () => {
  const ofFirst = -Math.log(softmax(example.student)[0]!);
  expect(lossBy({ kind: "hard", weight: 1 })).toBeCloseTo(ofFirst, 12);
  expect(lossBy({ kind: "token", weight: 1, targets: "hard", temperature: 3 })).toBeCloseTo(ofFirst, 12);
  expect(lossBy({ kind: "token", weight: 1, targets: "soft", temperature: 3 })).toBeCloseTo(lossBy({ kind: "soft", weight: 1, temperature: 3 }), 12);
  expect(lossBy({ kind: "logit-matching", weight: 1 })).toBeCloseTo((1.7 ** 2 + 0.7 ** 2 + 1.1 ** 2 + 1) / 4, 12);
});

it("a hint has no value before a run; terms of weight 0 are left out", () => {
  const terms: Term[] = [
    { kind: "locality", weight: 40, block: 4, stage: null },
    { kind: "hard", weight: 0 },
  ];
  expect(summandsOf({ labels: 1, terms }, example).map(({ kind, value }) => [kind, value === null])).toEqual([
    ["labels", false],
    ["locality", true],
  ]);
});

it("figures have three digits that count", () => {
  expect([0, 0.04494, 2.301, 12_345, 0.000012].map(figure)).toEqual(["0", "0.0449", "2.30", "12,300", "1.2 × 10⁻⁵"]);
});

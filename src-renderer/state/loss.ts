/** What each term of a student's loss says of one image, computed in the page from logits. */
import { objectives, type Term } from "../../src-main/contract/objectives";
import type { Distillation } from "../../src-main/contract/recipe";
import { softmax } from "../../src-main/contract/softmax";

export interface Summand {
  kind: Term["kind"] | "labels";
  label: string;
  weight: number;
  /** In the field's symbols: "T² KL". */
  symbols: string;
  /** Its factors with their values, if it has several: "T² 0.25 × KL 1.94". */
  factors: string | null;
  /** Of this image; null where it needs features, which only a run computes. */
  value: number | null;
}

/** One image: the teacher's logits, those of the student, and the true class. */
export interface Example {
  teacher: readonly number[];
  student: readonly number[];
  label: number;
}

/** The weighted sum, labels first; terms of weight 0 are left out. */
export function summandsOf({ labels, terms }: Pick<Distillation, "labels" | "terms">, example: Example): Summand[] {
  const ofLabels: Summand = {
    kind: "labels",
    label: "Labels",
    weight: labels,
    symbols: "CE",
    factors: null,
    value: crossEntropy(example.student, example.label),
  };
  const all = [
    ofLabels,
    ...terms.map((term): Summand => ({ kind: term.kind, label: objectives[term.kind].label, weight: term.weight, ...shownBy(term, example) })),
  ];
  return all.filter(({ weight }) => weight > 0);
}

type Value = Pick<Summand, "symbols" | "factors" | "value">;

function shownBy(term: Term, { teacher, student, label }: Example): Value {
  switch (term.kind) {
    case "soft":
      return softened("KL", teacher, student, term.temperature);
    case "standardized-soft":
      return softened("KL", standardized(teacher), standardized(student), term.temperature);
    case "dkd":
      return decoupled(term, { teacher, student, label });
    case "hard":
      return plain("CE of the teacher's class", crossEntropy(student, mostLikely(teacher)));
    case "logit-matching":
      return plain("(t − s)²", teacher.reduce((sum, logit, k) => sum + (logit - student[k]!) ** 2, 0) / teacher.length);
    case "token":
      return term.targets === "soft"
        ? softened("KL of the token", teacher, student, term.temperature)
        : plain("CE of the token", crossEntropy(student, mostLikely(teacher)));
    default:
      return { symbols: objectives[term.kind].label.toLowerCase(), factors: null, value: null };
  }
}

const plain = (symbols: string, value: number): Value => ({ symbols, factors: null, value });

function softened(name: string, teacher: readonly number[], student: readonly number[], temperature: number): Value {
  const divergence = divergenceOf(softmax(teacher, temperature), softmax(student, temperature));
  const square = temperature ** 2;
  return { symbols: `T² ${name}`, factors: `T² ${figure(square)} × KL ${figure(divergence)}`, value: square * divergence };
}

/** alpha TCKD + beta NCKD, as training/objectives/dkd.ts computes them. */
function decoupled({ temperature, alpha, beta }: Extract<Term, { kind: "dkd" }>, { teacher, student, label }: Example): Value {
  const [t, s] = [softmax(teacher, temperature), softmax(student, temperature)];
  const own = (probabilities: readonly number[]) => [probabilities[label]!, 1 - probabilities[label]!];
  const others = (logits: readonly number[]) =>
    softmax(
      logits.filter((_, k) => k !== label),
      temperature,
    );
  const square = temperature ** 2;
  const [target, rest] = [square * divergenceOf(own(t), own(s)), square * divergenceOf(others(teacher), others(student))];
  return { symbols: "DKD", factors: `${alpha} × TCKD ${figure(target)} + ${beta} × NCKD ${figure(rest)}`, value: alpha * target + beta * rest };
}

const crossEntropy = (logits: readonly number[], label: number): number => -Math.log(softmax(logits)[label]!);

/** KL(p || q), in nats. */
function divergenceOf(p: readonly number[], q: readonly number[]): number {
  return Math.max(
    0,
    p.reduce((sum, share, k) => sum + (share > 0 ? share * Math.log(share / q[k]!) : 0), 0),
  );
}

/** Mean 0 and unbiased deviation 1; logits that are all equal become zeros. */
export function standardized(logits: readonly number[]): number[] {
  const mean = logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
  const deviation = Math.sqrt(logits.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / (logits.length - 1));
  return logits.map((logit) => (deviation > 0 ? (logit - mean) / deviation : 0));
}

export const mostLikely = (logits: readonly number[]): number => logits.indexOf(Math.max(...logits));

/** Three figures that count: "0.0449", "2.30", "12,300". */
export function figure(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1000) return new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
  return Math.abs(value) >= 0.001
    ? String(value.toPrecision(3))
    : value
        .toExponential(1)
        .replace("e-", " × 10⁻")
        .replace(/⁻(\d+)$/, (_, power) => `⁻${superscript(power)}`);
}

const superscript = (digits: string): string => [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");

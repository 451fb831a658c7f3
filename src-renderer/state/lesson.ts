/** The five steps that explain the picture above the form, each of one part of it. */
import { percentFigure } from "./words";

/** A part of the picture that a step points at. */
export type Part = "bars" | "temperature" | "alpha" | "terms" | "start";

export interface Step {
  part: Part;
  question: string;
  answer: string;
}

/** What the answers speak of: the true class, and the wrong class that the teacher finds most likely, with its probability. */
export interface Shown {
  classes: number;
  trueClass: string;
  second: { name: string; value: number } | null;
  hasSoftLabels: boolean;
  hasHint: boolean;
}

export function stepsFor({ classes, trueClass, second, hasSoftLabels, hasHint }: Shown): Step[] {
  return [
    {
      part: "bars",
      question: classes === 2 ? "What does the other probability say?" : `What do the other ${classes - 1} probabilities say?`,
      answer: `The label is hard: it says ${trueClass || "one class"}, and nothing else. The teacher's label is soft: it also says what the image resembles${second ? `, here ${second.name} with ${second.value < 0.0005 ? "less than 0.1 %" : percentFigure(second.value)}` : ""}. So each image tells the student about all classes at once.`,
    },
    {
      part: "temperature",
      question: "Why a temperature?",
      answer:
        "A good teacher is so sure that its small probabilities nearly vanish. The temperature T divides the logits before the softmax. Above 1 the bars melt and the small ones count more; below 1 the soft label becomes hard. T² in the loss keeps the gradients as large as before.",
    },
    {
      part: "alpha",
      question: "Why weigh labels against the teacher?",
      answer: `The labels are right but say little; the teacher says more but may be wrong. Alpha is the teacher's share${hasSoftLabels ? "" : ", once a recipe has soft labels"}. At 1 the student needs no labels at all; at 0 the soft labels add nothing.`,
    },
    {
      part: "terms",
      question: "What do features add?",
      answer: `Guidance by features, a hint in the first papers, compares what the networks see inside and not what they answer. With locality guidance the student predicts, for each place in the image, what the teacher sees there; with feature guidance it takes after all of the teacher's features at once. These errors are small numbers, so the weights are large.${hasHint ? "" : " This recipe has none; add one among the objectives below."}`,
    },
    {
      part: "start",
      question: "Why the same start?",
      answer:
        "The control begins with the same weights as the student and sees the same images in the same order. Only the teacher is missing. So the difference in the end is what the teacher added, and not a different start. Which test images and which seed: that chance is left.",
    },
  ];
}

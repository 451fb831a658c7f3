import { partLabel } from "../../src-main/contract/objectives";

/** A figure that every batch has, as a tab. */
export interface FigureTab {
  /** Of an arm's curve. */
  column: string;
  label: string;
  yTitle: string;
  kind: "loss" | "accuracy" | "rate" | "speed";
  /** What the figure is, in a sentence. */
  title: string;
  /** What somebody who sees it for the first time should know. */
  note: string | null;
}

/** The loss, its parts by name where there are several, and what else is known of every batch. */
export function figureTabs(parts: readonly string[]): FigureTab[] {
  const part = (name: string): FigureTab => ({
    column: name,
    label: partLabel(name),
    yTitle: "Unweighted",
    kind: "loss",
    title: "One part of the loss, before its weight.",
    note: null,
  });
  return [
    {
      column: "loss",
      label: "Loss",
      yTitle: "Loss",
      kind: "loss",
      title: "How wrong the model is on its training images, batch by batch: the number that training makes smaller.",
      note: parts.length > 1 ? "The weighted sum that is minimised. Arms with different parts do not compare in it." : null,
    },
    ...(parts.length > 1 ? parts.map(part) : []),
    { column: "lr", label: "Learning rate", yTitle: "Learning rate", kind: "rate", title: "How large a step each batch takes.", note: null },
    {
      column: "trainAcc",
      label: "Running accuracy",
      yTitle: "Right so far in the epoch",
      kind: "accuracy",
      title: "Share of the training images that the model got right so far in this epoch.",
      note: "On training images as they come, counted anew from each epoch's first batch: that is why it jumps there and then calms down.",
    },
    {
      column: "imagesPerSecond",
      label: "Machine",
      yTitle: "Images per second",
      kind: "speed",
      title: "How fast this computer trains, and how busy it is.",
      note: "Images trained per second, one arm at a time; tests and pauses are left out. Processor and memory are those of the process that trains.",
    },
  ];
}

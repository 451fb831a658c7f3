import type { Distillation } from "../../contract/recipe";
import { type DistillationLoss, distillationLoss } from "../../tensor/ops/distillation-loss";
import type { Tensor } from "../../tensor/tensor";
import type { Network } from "../network";

/** A batch of one split, as the student sees it. */
export interface Batch {
  /** [N,Z,Z,3] */
  images: Tensor;
  /** i32 [N] */
  labels: Tensor;
  /** Of the same crops and flips, [N,K]; null if there is no teacher. */
  teacherLogits: Tensor | null;
}

/** What an arm learns from: forward pass and loss of a batch. Returns the loss with its parts. */
export type Task = (batch: Batch) => DistillationLoss;

/** The labels alone. */
export function control(student: Network): Task {
  return ({ images, labels }) => distillationLoss(student.model.forward(images), { labels });
}

/** The labels and the teacher's soft labels of the same views. */
export function distil(student: Network, { temperature, alpha }: Pick<Distillation, "temperature" | "alpha">): Task {
  return ({ images, labels, teacherLogits }) => {
    const soft = { teacher: teacherLogits!, temperature, alpha };
    return distillationLoss(student.model.forward(images), { labels, soft });
  };
}

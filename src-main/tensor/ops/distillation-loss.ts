import { backend, empty, needsGrad, record, type Tensor } from "../tensor";
import { scale } from "./scale";

export interface DistillationLossOptions {
  /** [N], i32 */
  labels: Tensor;
  /** [N], f32: factor of each row's cross-entropy; null or left out: 1. With weight 0 a row counts as one without a label. */
  labelWeights?: Tensor | null;
  /** Soft labels; left out: labels only. */
  soft?: {
    /** The teacher's logits [N,K]. */
    teacher: Tensor;
    /** T, at least 0.05 */
    temperature: number;
    /** Weight of the soft-label term, 0 ... 1. */
    alpha: number;
  } | null;
}

export interface LossMetrics {
  loss: number;
  crossEntropy: number;
  /** T^2 KL(teacher || student); 0 without a teacher. */
  divergence: number;
  /** Rows whose first largest logit is the label, without those of weight 0. */
  correct: number;
}

export interface DistillationLoss {
  /** [1]. Gradients flow through it, so it can be weighted and added to other losses. */
  loss: Tensor;
  /** [3], without gradients: cross-entropy, divergence, correct, as in `LossMetrics`. */
  metrics: Tensor;
}

/**
 * loss = alpha T^2 KL(softmax(teacher/T) || softmax(student/T)) + (1 - alpha) CE(student, label), means over the batch (Hinton et al. 2015). The
 * mean of the cross-entropy is the sum over rows, each times its weight, divided by N.
 * The gradient of the loss is computed in the same pass; `backward` multiplies it by the incoming gradient.
 */
export function distillationLoss(student: Tensor, { labels, labelWeights, soft = null }: DistillationLossOptions): DistillationLoss {
  const [loss, metrics] = [empty([1]), empty([3])];
  const dstudent = needsGrad(student) ? empty(student.shape) : null;
  backend().distillationLoss({
    student: student.handle,
    teacher: soft?.teacher.handle,
    labels: labels.handle,
    weights: labelWeights?.handle,
    dstudent: dstudent?.handle,
    loss: loss.handle,
    metrics: metrics.handle,
    temperature: soft?.temperature ?? 1,
    alpha: soft?.alpha ?? 0,
  });

  record(loss, [student], (dy) => [dstudent && scale(dstudent, 1, dy)]);
  return { loss, metrics };
}

export function lossMetrics({ loss, metrics }: DistillationLoss): LossMetrics {
  const [crossEntropy, divergence, correct] = metrics.toFloat32();
  return { loss: loss.toFloat32()[0]!, crossEntropy: crossEntropy!, divergence: divergence!, correct: correct! };
}

import { backend, empty, needsGrad, record, type Tensor } from "../tensor";

export interface DistillationLossOptions {
  /** [N], i32 */
  labels: Tensor;
  /** Soft labels; left out: the labels alone. */
  soft?: {
    /** The teacher's logits [N,K]. */
    teacher: Tensor;
    /** T, at least 0.05 */
    temperature: number;
    /** Share of the soft-label term, 0 ... 1. */
    alpha: number;
  } | null;
}

export interface LossMetrics {
  loss: number;
  crossEntropy: number;
  /** T^2 KL(teacher || student); 0 without a teacher. */
  divergence: number;
  /** Rows whose first largest logit is the label. */
  correct: number;
}

/**
 * loss = alpha T^2 KL(softmax(teacher/T) || softmax(student/T)) + (1 - alpha) CE(student, label), means over the batch (Hinton et al. 2015).
 * Returns the loss with its parts, [4]; `lossMetrics` reads them. The gradient is that of the loss alone and is made in the same pass, so
 * `backward` begins here and takes no other seed than 1.
 */
export function distillationLoss(student: Tensor, { labels, soft = null }: DistillationLossOptions): Tensor {
  const metrics = empty([4]);
  const dstudent = needsGrad(student) ? empty(student.shape) : null;
  backend().distillationLoss({
    student: student.handle,
    teacher: soft?.teacher.handle,
    labels: labels.handle,
    dstudent: dstudent?.handle,
    metrics: metrics.handle,
    temperature: soft?.temperature ?? 1,
    alpha: soft?.alpha ?? 0,
  });

  return record(metrics, [student], () => [dstudent?.reshape(student.shape)]);
}

export function lossMetrics(metrics: Tensor): LossMetrics {
  return named(metrics.toFloat32());
}

/** Of what `distillationLoss` returned; waits for it only when called. */
export function lossMetricsLater(metrics: Tensor): () => LossMetrics {
  const values = metrics.toFloat32Later();
  return () => named(values());
}

function named(values: Float32Array): LossMetrics {
  const [loss, crossEntropy, divergence, correct] = values as unknown as [number, number, number, number];
  return { loss, crossEntropy, divergence, correct };
}

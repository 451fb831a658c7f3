import type { Recording } from "../backend/addon";
import { type DistillationLoss, type LossMetrics, lossMetricsLater } from "../tensor/ops/distillation-loss";
import { backend, backward, empty, keep, scope, type Tensor, unscoped } from "../tensor/tensor";
import type { Batch, Task } from "./losses/task";

/**
 * Forward and backward pass over batches. Where the device records, the second batch of a size in a row is recorded, and it and all later ones
 * of that size are replayed: on a GPU as two CUDA graphs, between which the loss is read, so that it is there while the gradients are still
 * computed. What changes from batch to batch is copied in before; the optimizer's step, whose numbers change, comes after.
 */
export class Pass {
  #recorded: RecordedPass | null = null;
  #lastSize = 0;
  #hasRoom = true;

  constructor(
    private readonly task: Task,
    private readonly parameters: ReadonlyMap<string, Tensor>,
  ) {}

  /** Sets the parameters' gradients, which live in the surrounding scope. What it returns waits for the loss. */
  run(batch: Batch): () => LossMetrics {
    const size = batch.labels.size;
    const isRepeated = size === this.#lastSize;
    this.#lastSize = size;
    if (isRepeated && this.#recorded?.size !== size) this.#record(batch);
    return this.#recorded?.size === size ? this.#recorded.replay(batch) : this.#once(batch);
  }

  /** Gives the recording's memory back. The next batches may be recorded again. */
  release(): void {
    this.#recorded?.release();
    this.#recorded = null;
    this.#lastSize = 0;
  }

  #once(batch: Batch): () => LossMetrics {
    const loss = this.task(batch);
    const metrics = lossMetricsLater(loss);
    backward(loss.loss);
    return metrics;
  }

  /** A recording keeps memory that batch by batch would be shared with others: where there is no room for it, there is none. */
  #record(batch: Batch): void {
    if (!this.#hasRoom || !backend().canRecord()) return;
    this.release();
    try {
      this.#recorded = new RecordedPass(this.task, this.parameters, batch);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "CUDA_OUT_OF_MEMORY") throw error;
      this.#hasRoom = false;
    }
  }
}

class RecordedPass {
  readonly size: number;
  readonly #batch: Batch;
  #recordings: Recording[] = [];
  #loss!: DistillationLoss;
  #gradients: [parameter: Tensor, gradient: Tensor][] = [];

  /** Does nothing yet with the batch: replay it. */
  constructor(task: Task, parameters: ReadonlyMap<string, Tensor>, batch: Batch) {
    this.size = batch.labels.size;
    this.#batch = mapTensors(batch, ({ shape, dtype }) => unscoped(() => empty(shape, dtype)));
    this.#fill(batch);
    try {
      unscoped(() => scope(() => this.#record(task, parameters)));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  replay(batch: Batch): () => LossMetrics {
    const [forward, backward] = this.#recordings;
    this.#fill(batch);
    backend().replay(forward!);
    const metrics = lossMetricsLater(this.#loss);
    backend().replay(backward!);
    // A view for this scope: with its end the parameters have no gradients again.
    for (const [parameter, gradient] of this.#gradients) parameter.grad = gradient.reshape(gradient.shape);
    return metrics;
  }

  release(): void {
    for (const recording of this.#recordings) backend().releaseRecording(recording);
    for (const tensor of [...tensorsOf(this.#batch), ...this.#gradients.map(([, gradient]) => gradient)]) tensor.release();
    this.#loss?.loss.release();
    this.#loss?.metrics.release();
  }

  #record(task: Task, parameters: ReadonlyMap<string, Tensor>): void {
    this.#recordings.push(record(() => (this.#loss = keepLoss(task(this.#batch)))));
    this.#recordings.push(record(() => backward(this.#loss.loss)));
    for (const parameter of parameters.values()) if (parameter.grad) this.#gradients.push([parameter, keep(parameter.grad)]);
    for (const [parameter] of this.#gradients) parameter.grad = null;
  }

  #fill(batch: Batch): void {
    const own = tensorsOf(this.#batch);
    for (const [i, { handle }] of tensorsOf(batch).entries()) backend().copy({ from: handle, to: own[i]!.handle });
  }
}

const keepLoss = ({ loss, metrics }: DistillationLoss): DistillationLoss => ({ loss: keep(loss), metrics: keep(metrics) });

/** Notes down what `body` does, instead of doing it. */
function record(body: () => void): Recording {
  backend().beginRecording();
  try {
    body();
  } catch (error) {
    abandonRecording();
    throw error;
  }
  return backend().endRecording();
}

/** After what went wrong in it, which alone is worth telling. */
function abandonRecording(): void {
  try {
    backend().releaseRecording(backend().endRecording());
  } catch {}
}

function mapTensors({ images, labels, teacherLogits }: Batch, change: (tensor: Tensor) => Tensor): Batch {
  return { images: change(images), labels: change(labels), teacherLogits: teacherLogits && change(teacherLogits) };
}

function tensorsOf({ images, labels, teacherLogits }: Batch): Tensor[] {
  return [images, labels, ...(teacherLogits ? [teacherLogits] : [])];
}

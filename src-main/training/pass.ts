import type { Recording } from "../backend/addon";
import { allOrNone, backend, backward, empty, keep, scope, type Tensor, unscoped } from "../tensor/tensor";
import type { Batch } from "./criterion";
import type { Computed, Reading } from "./objectives/objective";

/** Forward pass and loss of a batch. */
export type Task = (batch: Batch) => Computed;
/** Numbers by name: the readings of a computation. */
export type Numbers = Readonly<Record<string, number>>;

/**
 * Forward and backward pass over batches. If the device records, the second consecutive batch of a size is recorded, and it and all later
 * batches of that size are replayed: on a GPU as two CUDA graphs. The loss is read between them, so that it arrives while the gradients are
 * still being computed. Data that change from batch to batch are copied in before; the optimizer's step, whose numbers change, runs after.
 */
export class Pass {
  #recorded: RecordedPass | null = null;
  #lastSize = 0;
  #hasRoom = true;

  constructor(
    private readonly task: Task,
    private readonly parameters: ReadonlyMap<string, Tensor>,
  ) {}

  /** Sets the parameters' gradients, which live in the enclosing scope. The returned function waits for the loss. */
  run(batch: Batch): () => Numbers {
    const size = batch.labels.size;
    const isRepeated = size === this.#lastSize;
    this.#lastSize = size;
    if (isRepeated && this.#recorded?.size !== size) this.#record(batch);
    return this.#recorded?.size === size ? this.#recorded.replay(batch) : this.#once(batch);
  }

  /** Frees the recording's memory. The next batches may be recorded again. */
  release(): void {
    this.#recorded?.release();
    this.#recorded = null;
    this.#lastSize = 0;
  }

  #once(batch: Batch): () => Numbers {
    const { loss, readings } = this.task(batch);
    return whileReading(readLater(readings), () => backward(loss));
  }

  /** A recording holds memory that unrecorded batches share with other work: without room for it, nothing is recorded. */
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
  #computed!: Computed;
  #gradients: [parameter: Tensor, gradient: Tensor][] = [];

  /** Only records: the batch takes effect when replayed. */
  constructor(task: Task, parameters: ReadonlyMap<string, Tensor>, batch: Batch) {
    this.size = batch.labels.size;
    this.#batch = unscoped(() => allOrNone(() => mapTensors(batch, ({ shape, dtype }) => empty(shape, dtype))));
    this.#fill(batch);
    try {
      unscoped(() => scope(() => this.#record(task, parameters)));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  replay(batch: Batch): () => Numbers {
    const [forward, backward] = this.#recordings;
    this.#fill(batch);
    backend().replay(forward!);
    const numbers = whileReading(readLater(this.#computed.readings), () => backend().replay(backward!));
    // A view in this scope: when the scope ends, the parameters have no gradients again.
    for (const [parameter, gradient] of this.#gradients) parameter.grad = gradient.reshape(gradient.shape);
    return numbers;
  }

  release(): void {
    for (const recording of this.#recordings) backend().releaseRecording(recording);
    for (const tensor of [...tensorsOf(this.#batch), ...this.#gradients.map(([, gradient]) => gradient)]) tensor.release();
    for (const tensor of this.#computed ? tensorsIn(this.#computed) : []) tensor.release();
  }

  #record(task: Task, parameters: ReadonlyMap<string, Tensor>): void {
    this.#recordings.push(
      record(() => {
        this.#computed = task(this.#batch);
        for (const tensor of tensorsIn(this.#computed)) keep(tensor);
      }),
    );
    this.#recordings.push(record(() => backward(this.#computed.loss)));
    for (const parameter of parameters.values()) if (parameter.grad) this.#gradients.push([parameter, keep(parameter.grad)]);
    for (const [parameter] of this.#gradients) parameter.grad = null;
  }

  #fill(batch: Batch): void {
    const own = tensorsOf(this.#batch);
    for (const [i, { handle }] of tensorsOf(batch).entries()) backend().copy({ from: handle, to: own[i]!.handle });
  }
}

function tensorsIn({ loss, readings }: Computed): Tensor[] {
  return [loss, ...readings.map(({ tensor }) => tensor)];
}

/** The returned function waits for the numbers. Readings without a name are left out. */
function readLater(readings: readonly Reading[]): () => Numbers {
  const later = readings.map(({ names, tensor }) => ({ names, take: tensor.toFloat32Later() }));
  return () => {
    const entries = later.flatMap(({ names, take }) => {
      const values = take();
      return names.map((name, i) => [name, values[i]!] as const);
    });
    return Object.fromEntries(entries.filter(([name]) => name !== ""));
  };
}

/** Does further work while numbers arrive. If it throws, they are taken all the same, because the device keeps them until then. */
export function whileReading<N>(numbers: () => N, work: () => void): () => N {
  try {
    work();
  } catch (error) {
    try {
      numbers();
    } catch {
      // The first error is the one to report.
    }
    throw error;
  }
  return numbers;
}

/** Records what `body` does instead of doing it. */
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

/** Ends a recording after an error in it; only that error is worth reporting. */
function abandonRecording(): void {
  try {
    backend().releaseRecording(backend().endRecording());
  } catch {}
}

function mapTensors({ images, labels, mixture, labelWeights, teacher }: Batch, change: (tensor: Tensor) => Tensor): Batch {
  return {
    images: change(images),
    labels: change(labels),
    mixture: mixture && change(mixture),
    labelWeights: labelWeights && change(labelWeights),
    teacher: new Map([...teacher].map(([name, tensor]) => [name, change(tensor)])),
  };
}

function tensorsOf({ images, labels, mixture, labelWeights, teacher }: Batch): Tensor[] {
  return [images, labels, ...(mixture ? [mixture] : []), ...(labelWeights ? [labelWeights] : []), ...teacher.values()];
}

/**
 * The native addon as one type: everything that distill_core.node exports. Only `load.ts` touches the file itself.
 *
 * Tensors live in native memory and are identified by a handle, a number that is never reused. Every call checks its arguments. A wrong
 * argument throws a TypeError or RangeError that names the op, the argument, what was expected and what came. Running out of memory
 * throws an Error with `code: "OUT_OF_MEMORY"`.
 */

/** bf16 is the upper half of an fp32. Only activations are stored in it. */
export type DType = "f32" | "bf16" | "i32" | "u8";
export type Handle = number;
/** What a fused op applies last, elementwise. torch.nn.functional.relu, relu6. */
export type Activation = "none" | "relu" | "relu6";
/**
 * Zeros around an image: a number on all sides, or "same", TensorFlow's: P = ceil(H / stride) outputs, and as many zeros as they need, the smaller half
 * of them above; columns likewise.
 */
export type Padding = number | "same";
export type PendingRead = number;
export type Recording = number;
export type Isa = "scalar" | "avx2" | "avx512" | "avx512_bf16" | "amx" | "neon";

export interface CpuFeatures {
  /** Processor name as the system reports it. */
  name: string;
  logicalCores: number;
  /** The features of the processor, by the Linux kernel's names: avx2, fma, avx512f, avx512_bf16, asimd (NEON) ... */
  features: string[];
  /** Variants compiled in that this processor can run, slowest first. */
  isas: Isa[];
  /** The variant in use. */
  isa: Isa;
  /** How it multiplies factors in bf16: widened to fp32, or by an instruction for them. */
  bf16Products: "fp32" | "bf16";
}

/** The most that the processor can do, measured with all threads and the variant in use. */
export interface Limits {
  /** fp32 operations per second, a multiply-add counted as two. */
  flops: number;
  /** The same with factors in bf16 and sums in fp32, as they are multiplied now. */
  bf16Flops: number;
  /** Bytes per second, read or written, of arrays too large for caches. */
  bandwidth: number;
}

/** Multiply-adds of one thread on registers, with the variant in use: operations per second. */
export interface ProductRates {
  fp32: number;
  /** By an instruction for factors in bf16; null where the variant has none. */
  bf16: number | null;
}

export interface MemoryStats {
  /** Bytes in live tensors. */
  inUse: number;
  /** Bytes kept for reuse. */
  cached: number;
  /** Highest `inUse` since the last `resetPeakMemory`. */
  peak: number;
}

export interface Addon {
  // Tensors
  /** A new tensor with undefined content. Shape: up to 6 positive integers, or [] for one number. */
  alloc(dtype: DType, shape: readonly number[]): Handle;
  /** Another handle on the same memory with another shape of equal size. Both must be released. */
  view(tensor: Handle, shape: readonly number[]): Handle;
  release(tensor: Handle): void;
  /** Copies a typed array of the tensor's type and size into the tensor. For bf16 it holds the bits. */
  write(tensor: Handle, values: Float32Array | Uint16Array | Int32Array | Uint8Array): void;
  /** Copies bytes into a tensor of u8, from an element on. */
  writePart(tensor: Handle, first: number, bytes: Uint8Array): void;
  /** Copies the tensor's content into a new typed array of its type. */
  read(tensor: Handle): Float32Array | Uint16Array | Int32Array | Uint8Array;
  /** Requests the tensor's content as of all ops called so far, without waiting for them. `takeRead` returns it. */
  readLater(tensor: Handle): PendingRead;
  /** Waits for the content. Call it once per `readLater`. */
  takeRead(read: PendingRead): Float32Array | Uint16Array | Int32Array | Uint8Array;
  copy(options: { from: Handle; to: Handle }): void;
  fill(options: { y: Handle; value: number }): void;
  /** 64-bit checksum of the content as 16 hexadecimal digits. */
  checksum(tensor: Handle): string;
  /** The same of bytes. */
  checksumOf(bytes: Uint8Array): string;
  memoryStats(): MemoryStats;
  resetPeakMemory(): void;
  /** Returns cached memory to the system. */
  trimMemory(): void;

  // The machine
  cpuFeatures(): CpuFeatures;
  /** For tests and benchmarks; throws if the processor cannot run it. */
  selectIsa(isa: Isa): void;
  /** For all variants, of this process: where the one in use has no instruction for factors in bf16, they are widened to fp32. At first "bf16". */
  selectBf16Products(products: "fp32" | "bf16"): void;
  setThreads(count: number): void;
  threads(): number;
  /**
   * While the flag, an Int32Array of one element in a SharedArrayBuffer that another thread may set, is not 0, ops of this thread on the processor
   * are cut short and throw an Error with the code "INTERRUPTED"; what they computed is undefined. Steps of an optimizer, `accumulate` and `clipNorm`
   * run to their end. null: nothing stops them.
   */
  stopOn(flag: Int32Array | null): void;
  /**
   * Takes the system's exclusive lock on an open file, without waiting. The system releases it when the file is closed or the process ends.
   * "not supported" on file systems without locks, and on Windows.
   */
  lockFile(file: number): "taken" | "held by another" | "not supported";
  /**
   * The columns of a table of numbers as text, rounded to fp32: lines that each end in "\n", with so many numbers (1 ... 1000) between commas, as
   * JavaScript writes them ("-1.5e-7", "NaN"). null if anything else is in it.
   */
  readTable(bytes: Uint8Array, columns: number): Float32Array[] | null;
  /**
   * u8 [side,side,3]: to the bit what torchvision's Resize(side) and CenterCrop(side) make of an image of Pillow. The image [H,W,3] shows a picture of
   * height x width pixels in its first `rows` and `columns`, which may be fractions, up to H + 1 and W + 1: others than H and W if it was shrunk while it was decoded. Works in
   * a thread of Node's pool; until it is done, the image's memory must neither change nor move to another thread.
   */
  fitImage(image: Uint8Array, sides: { H: number; W: number; height: number; width: number; rows: number; columns: number; side: number }): Promise<Uint8Array>;
  /** Takes about a second. */
  measureLimits(): Limits;
  /** Takes a fifth of a millisecond. */
  measureProducts(): ProductRates;

  // Where tensors live and ops run: at first the processor. Moving to another device requires that no tensor is in use, otherwise both throw.
  device(): "cpu" | "cuda";
  useCpu(): void;
  /**
   * Throws an Error with the code "CUDA_UNAVAILABLE" and the reason if the GPU cannot be used. From then on, an op that fails on the GPU makes
   * this or a later call throw an Error with the code "CUDA_ERROR", or "CUDA_LOST" if nothing works any more in this process. Running out of
   * memory there has the code "CUDA_OUT_OF_MEMORY".
   */
  useCuda(library: string, gpu: number): void;

  // Recorded work on a GPU, which can be queued again and again.
  canRecord(): boolean;
  /**
   * From here to `endRecording` ops are recorded instead of run. Memory allocated in between stays reserved until the recording is released,
   * even if its tensors are released earlier. In between, nothing may be read, written or moved to another device.
   */
  beginRecording(): void;
  /** Must be called even after an error in between; then it throws too. */
  endRecording(): Recording;
  /** Runs the recorded ops again, on the same memory and with the same arguments. */
  replay(recording: Recording): void;
  releaseRecording(recording: Recording): void;

  // Ops: one method per line of DISTILL_OPS in native/ops.h, with the same name in camel case. Arguments have the struct's field names.
  // Pointers are handles, sizes follow from the tensors' shapes, and a field "or null" may be null or left out. All are synchronous.
  linearForward(a: { x: Handle; weight: Handle; bias?: Handle | null; residual?: Handle | null; y: Handle; geluGrad?: Handle | null; gelu?: boolean }): void;
  linearBackwardInput(a: { dy: Handle; weight: Handle; geluGrad?: Handle | null; dx: Handle }): void;
  linearBackwardWeight(a: { x: Handle; dy: Handle; dweight: Handle; dbias?: Handle | null }): void;
  mlpForward(a: {
    x: Handle;
    firstWeight: Handle;
    firstBias: Handle;
    hidden: Handle;
    geluGrad?: Handle | null;
    secondWeight: Handle;
    secondBias: Handle;
    residual?: Handle | null;
    y: Handle;
  }): void;
  mlpBackwardInput(a: { dy: Handle; secondWeight: Handle; geluGrad: Handle; dhidden: Handle; firstWeight: Handle; dx: Handle }): void;
  geluForward(a: { x: Handle; y: Handle }): void;
  geluBackward(a: { x: Handle; dy: Handle; dx: Handle }): void;
  add(a: { a: Handle; b: Handle; y: Handle }): void;
  multiply(a: { a: Handle; b: Handle; y: Handle }): void;
  /** `by` is [1]. */
  scale(a: { x: Handle; by?: Handle | null; y: Handle; factor: number }): void;
  scaleRowsForward(a: { x: Handle; factors: Handle; y: Handle }): void;
  scaleRowsBackward(a: { x: Handle; factors: Handle; dy: Handle; dx: Handle; dfactors: Handle }): void;
  reluForward(a: { x: Handle; y: Handle }): void;
  reluBackward(a: { y: Handle; dy: Handle; dx: Handle }): void;
  meanForward(a: { x: Handle; y: Handle }): void;
  meanBackward(a: { dy: Handle; dx: Handle }): void;
  meanSquareForward(a: { x: Handle; target?: Handle | null; y: Handle }): void;
  meanSquareBackward(a: { x: Handle; target?: Handle | null; dy: Handle; dx: Handle }): void;
  sumRowsForward(a: { x: Handle; y: Handle }): void;
  sumRowsBackward(a: { dy: Handle; dx: Handle }): void;
  logSumExpForward(a: { x: Handle; y: Handle }): void;
  logSumExpBackward(a: { x: Handle; dy: Handle; dx: Handle }): void;
  oneHot(a: { labels: Handle; y: Handle }): void;
  argmax(a: { x: Handle; y: Handle }): void;
  energyMapForward(a: { x: Handle; y: Handle; norm: Handle }): void;
  energyMapBackward(a: { x: Handle; y: Handle; norm: Handle; dy: Handle; dx: Handle }): void;
  /** `hwnc` here and below: all images are [H,W,N,C] instead of [N,H,W,C]; not on a GPU. */
  conv2dForward(a: { x: Handle; weight: Handle; bias?: Handle | null; y: Handle; stride: number; padding: Padding; hwnc?: boolean }): void;
  conv2dBackwardInput(a: { dy: Handle; weight: Handle; dx: Handle; stride: number; padding: Padding; hwnc?: boolean }): void;
  conv2dBackwardWeight(a: { x: Handle; dy: Handle; dweight: Handle; dbias?: Handle | null; stride: number; padding: Padding; hwnc?: boolean }): void;
  depthwiseConv2dForward(a: { x: Handle; weight: Handle; bias?: Handle | null; y: Handle; stride: number; padding: Padding; hwnc?: boolean }): void;
  depthwiseConv2dBackwardInput(a: { dy: Handle; weight: Handle; dx: Handle; stride: number; padding: Padding; hwnc?: boolean }): void;
  depthwiseConv2dBackwardWeight(a: { x: Handle; dy: Handle; dweight: Handle; dbias?: Handle | null; stride: number; padding: Padding; hwnc?: boolean }): void;
  batchNormForwardTrain(a: {
    x: Handle;
    weight: Handle;
    bias: Handle;
    residual?: Handle | null;
    y: Handle;
    runningMean: Handle;
    runningVar: Handle;
    mean: Handle;
    rstd: Handle;
    momentum: number;
    eps: number;
    activation: Activation;
  }): void;
  batchNormForwardEval(a: {
    x: Handle;
    weight: Handle;
    bias: Handle;
    runningMean: Handle;
    runningVar: Handle;
    residual?: Handle | null;
    y: Handle;
    eps: number;
    activation: Activation;
  }): void;
  /** conv2dForward, then batchNormForwardEval on its result. */
  conv2dNormForward(a: {
    x: Handle;
    weight: Handle;
    bias?: Handle | null;
    y: Handle;
    stride: number;
    padding: Padding;
    normWeight: Handle;
    normBias: Handle;
    runningMean: Handle;
    runningVar: Handle;
    residual?: Handle | null;
    eps: number;
    activation: Activation;
    hwnc?: boolean;
  }): void;
  /** depthwiseConv2dForward, then batchNormForwardEval on its result. */
  depthwiseConv2dNormForward(a: {
    x: Handle;
    weight: Handle;
    bias?: Handle | null;
    y: Handle;
    stride: number;
    padding: Padding;
    normWeight: Handle;
    normBias: Handle;
    runningMean: Handle;
    runningVar: Handle;
    residual?: Handle | null;
    eps: number;
    activation: Activation;
    hwnc?: boolean;
  }): void;
  batchNormBackward(a: {
    x: Handle;
    dy: Handle;
    weight: Handle;
    mean: Handle;
    rstd: Handle;
    y?: Handle | null;
    dx: Handle;
    dweight: Handle;
    dbias: Handle;
    dresidual?: Handle | null;
    activation: Activation;
  }): void;
  layerNormForward(a: { x: Handle; weight: Handle; bias: Handle; y: Handle; mean: Handle; rstd: Handle; eps: number }): void;
  layerNormBackward(a: { x: Handle; dy: Handle; weight: Handle; mean: Handle; rstd: Handle; dx: Handle; dweight: Handle; dbias: Handle }): void;
  /** qkv [N,T,3*A*E], y [N,T,A*E]; `heads` is A. */
  attentionForward(a: { qkv: Handle; y: Handle; logsumexp: Handle; heads: number }): void;
  attentionBackward(a: { qkv: Handle; y: Handle; dy: Handle; logsumexp: Handle; dqkv: Handle; heads: number }): void;
  embedTokensForward(a: { patches: Handle; classToken: Handle; position: Handle; y: Handle }): void;
  embedTokensBackward(a: { dy: Handle; dpatches: Handle; dclassToken: Handle; dposition: Handle }): void;
  selectTokenForward(a: { x: Handle; y: Handle; index: number }): void;
  selectTokenBackward(a: { dy: Handle; dx: Handle; index: number }): void;
  sliceTokensForward(a: { x: Handle; y: Handle; begin: number; end: number }): void;
  sliceTokensBackward(a: { dy: Handle; dx: Handle; begin: number; end: number }): void;
  averagePoolForward(a: { x: Handle; y: Handle; hwnc?: boolean }): void;
  averagePoolBackward(a: { dy: Handle; dx: Handle; hwnc?: boolean }): void;
  resizeGridForward(a: { x: Handle; y: Handle }): void;
  resizeGridBackward(a: { dy: Handle; dx: Handle }): void;
  maxPoolForward(a: { x: Handle; y: Handle; indices: Handle; kernel: number; stride: number; padding: number; hwnc?: boolean }): void;
  /** `indices` as maxPoolForward wrote them: where one lies outside its own window, the gradient is dropped or lands on another pixel of the plane. */
  maxPoolBackward(a: { dy: Handle; indices: Handle; dx: Handle; kernel: number; stride: number; padding: number; hwnc?: boolean }): void;
  /** y [P,N,C] = x [N,P,C] */
  swapAxes(a: { x: Handle; y: Handle }): void;
  distillationLoss(a: {
    student: Handle;
    teacher?: Handle | null;
    labels: Handle;
    weights?: Handle | null;
    dstudent?: Handle | null;
    loss: Handle;
    metrics: Handle;
    temperature: number;
    alpha: number;
  }): void;
  adamw(a: {
    values: Handle[];
    gradients: Handle[];
    first: Handle[];
    second: Handle[];
    decay: boolean[];
    step: number;
    learningRate: number;
    beta1: number;
    beta2: number;
    eps: number;
    weightDecay: number;
  }): void;
  sgd(a: {
    values: Handle[];
    gradients: Handle[];
    first: Handle[];
    decay: boolean[];
    step: number;
    learningRate: number;
    momentum: number;
    weightDecay: number;
    nesterov: boolean;
  }): void;
  accumulate(a: { values: Handle[]; gradients: Handle[]; keep: number; share: number }): void;
  clipNorm(a: { values: Handle[]; norm: Handle; most: number }): void;
  assembleBatch(a: {
    images: Handle;
    indices: Handle;
    views?: Handle | null;
    sizes?: Handle | null;
    erased?: Handle | null;
    y: Handle;
    mean: readonly number[];
    std: readonly number[];
  }): void;
  blend(a: { a: Handle; b: Handle; shares: Handle; boxes?: Handle | null; y: Handle }): void;
  sampleViews(a: { y: Handle; crop: number; flip: boolean; seed: number; epoch: number }): void;
  randomNormal(a: { y: Handle; seed: number; stream: number; mean: number; std: number }): void;
  randomUniform(a: { y: Handle; seed: number; stream: number; low: number; high: number }): void;
  randomPermutation(a: { y: Handle; seed: number; stream: number }): void;
}

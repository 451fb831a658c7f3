/** Calls of the addon's methods that are no ops. */
import type { DType, Handle } from "../../../src-main/backend/addon";
import { buffer } from "./hostile";
import type { Tensor, Thread } from "./thread";

/** By the names of the addon's exports; all but measureLimits, which takes seconds. */
export type Methods = Record<string, () => unknown>;

const ARRAYS = { f32: Float32Array, bf16: Uint16Array, i32: Int32Array, u8: Uint8Array };
const DTYPES: DType[] = ["f32", "bf16", "i32", "u8"];
const size = ({ shape }: Tensor) => shape.reduce((a, b) => a * b, 1);

export function methodCalls(thread: Thread): Methods {
  const { addon } = thread;
  const pick = <T>(list: readonly T[]): T => thread.random.pick(list);
  const some = () => (thread.live.length > 0 ? pick(thread.live) : thread.alloc(pick(DTYPES), [3]));
  const reads: unknown[] = [];
  const recordings: unknown[] = [];
  const flag = new Int32Array(thread.place.flags.buffer, 4 * thread.place.thread, 1);
  const beginOne = () => {
    const { handle } = thread.alloc("i32", [3]);
    addon.beginRecording!();
    addon.fill!({ y: handle, value: 1 });
  };
  return {
    alloc: () => thread.alloc(pick(DTYPES), pick([[], [1], [3, 2], [1, 1, 1, 1, 1, 2], [2 ** 45], [2 ** 24, 2 ** 24], [2 ** 48]])),
    view: () => {
      const tensor = some();
      const shape = pick([[size(tensor)], [1, size(tensor), 1], [size(tensor) + 1]]);
      thread.live.push({ ...tensor, shape, handle: addon.view!(tensor.handle, shape) as Handle });
    },
    release: () => (thread.random.once(2) ? thread.releaseAny() : addon.release!(pick(thread.released))),
    write: () => {
      const tensor = some();
      const Values = ARRAYS[tensor.dtype];
      const shared = new Values(new SharedArrayBuffer(Values.BYTES_PER_ELEMENT * size(tensor)) as never);
      addon.write!(tensor.handle, pick([new Values(size(tensor)), shared, buffer(thread.random)]));
    },
    writePart: () => {
      const tensor = thread.random.once(2) ? thread.alloc("u8", [3]) : some();
      addon.writePart!(tensor.handle, pick([0, 1, size(tensor), 2 ** 40]), pick([new Uint8Array(2), new Uint8Array(), buffer(thread.random)]));
    },
    read: () => {
      thread.reading = some();
      addon.read!(thread.reading.handle);
    },
    readLater: () => reads.push(addon.readLater!(some().handle)),
    takeRead: () => addon.takeRead!(reads.length > 0 ? reads.pop() : 1),
    copy: () => addon.copy!({ from: some().handle, to: some().handle }),
    fill: () => addon.fill!({ y: some().handle, value: pick([0, 1, -1, 255, 256, 0.5, Number.NaN, 2 ** 31]) }),
    checksum: () => addon.checksum!(some().handle),
    checksumOf: () => addon.checksumOf!(pick([new Uint8Array(3), new Uint8Array(new SharedArrayBuffer(40)), buffer(thread.random)])),
    memoryStats: () => addon.memoryStats!(),
    resetPeakMemory: () => addon.resetPeakMemory!(),
    trimMemory: () => addon.trimMemory!(),
    cpuFeatures: () => addon.cpuFeatures!(),
    selectIsa: () => addon.selectIsa!(pick((addon.cpuFeatures!() as { isas: string[] }).isas)),
    selectBf16Products: () => addon.selectBf16Products!(pick(["fp32", "bf16"])),
    measureProducts: () => addon.measureProducts!(),
    setThreads: () => addon.setThreads!(thread.random.integer(1, 4)),
    threads: () => addon.threads!(),
    stopOn: () => addon.stopOn!(pick([flag, null])),
    readTable: () =>
      addon.readTable!(pick([Buffer.from("1,-2.5e-3\nNaN,4\n"), new Uint8Array(new SharedArrayBuffer(40)), buffer(thread.random)]), pick([1, 2, 3])),
    lockFile: () => addon.lockFile!(pick([0, 1, 2, 2 ** 20])),
    fitImage: () => {
      const [H, W] = [thread.random.integer(1, 9), thread.random.integer(1, 9)];
      const image = pick([new Uint8Array(H * W * 3), new Uint8Array(3), buffer(thread.random)]);
      const picture = { height: pick([H, 3 * H, 2 ** 20]), width: pick([W, 5 * W]) };
      const covered = { rows: pick([H, H - 0.3, H + 1, 1]), columns: pick([W, 1.01, 0]) };
      return addon.fitImage!(image, { H, W, ...picture, ...covered, side: pick([1, 2, 7, 0.5, 2 ** 20]) });
    },
    device: () => addon.device!(),
    useCpu: () => addon.useCpu!(),
    useCuda: () => addon.useCuda!(thread.place.library ?? "/nowhere.so", 0),
    canRecord: () => addon.canRecord!(),
    beginRecording: () => addon.beginRecording!(),
    endRecording: () => {
      // Of those that go on, a call in between, such as a read, makes most invalid.
      if (thread.random.once(2)) beginOne();
      recordings.push(addon.endRecording!());
    },
    replay: () => {
      if (recordings.length === 0 && !thread.random.once(4)) {
        beginOne();
        recordings.push(addon.endRecording!());
      }
      addon.replay!(recordings.length > 0 ? pick(recordings) : 1);
    },
    releaseRecording: () => addon.releaseRecording!(recordings.length > 0 ? recordings.pop() : 1),
  };
}

/** The pickle of a state dict (protocol 2), as torch.save makes it: names and shapes; the values are in storages, which it names by numbers. */
import type { StateTensor } from "../state-dict";

/** Opcodes of Python's pickletools. */
const op = (character: string) => Buffer.from(character, "latin1");
const MARK = op("(");
const STOP = op(".");
const TUPLE = op("t");
const EMPTY_TUPLE = op(")");
const REDUCE = op("R");
const SETITEMS = op("u");
const PERSISTENT = op("Q");
const PROTOCOL_2 = Buffer.from([0x80, 2]);
const FALSE = Buffer.from([0x89]);

const STORAGES: Readonly<Record<string, string>> = { F32: "FloatStorage", I64: "LongStorage" };

/** An OrderedDict of the tensors, row-major; the storage of the first is "0", and so on. */
export function pickledStateDict(tensors: ReadonlyMap<string, StateTensor>): Buffer {
  const items = [...tensors].flatMap(([name, each], key) => [text(name), tensor(String(key), each)]);
  return Buffer.concat([PROTOCOL_2, orderedDict, MARK, ...items, SETITEMS, STOP]);
}

/** torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, requires_grad, hooks) */
function tensor(key: string, { shape, size, ...content }: StateTensor): Buffer {
  const storage = STORAGES["bytes" in content ? content.dtype : "F32"]!;
  const id = tuple(text("storage"), named("torch", storage), text(key), text("cpu"), whole(size));
  const strides = shape.map((_, d) => shape.slice(d + 1).reduce((product, extent) => product * extent, 1));
  const args = tuple(id, PERSISTENT, whole(0), tuple(...shape.map(whole)), tuple(...strides.map(whole)), FALSE, orderedDict);
  return Buffer.concat([named("torch._utils", "_rebuild_tensor_v2"), args, REDUCE]);
}

const named = (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`);
const tuple = (...parts: Buffer[]) => (parts.length === 0 ? EMPTY_TUPLE : Buffer.concat([MARK, ...parts, TUPLE]));
const orderedDict = Buffer.concat([named("collections", "OrderedDict"), EMPTY_TUPLE, REDUCE]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([op("X"), int32(bytes.length), bytes]);
}

/** Below 2^31. */
const whole = (value: number) => Buffer.concat([op("J"), int32(value)]);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

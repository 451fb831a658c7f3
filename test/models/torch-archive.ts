/** Writes files like torch.save's, and hostile ones, without PyTorch. */
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../src-main/disk/crc32";

export interface Stored {
  name: string;
  content: Uint8Array;
  /** Compress it, though torch.save does not. */
  deflate?: boolean;
  /** Sizes that the list claims. */
  claims?: number;
  /** Said to be encrypted. */
  encrypted?: boolean;
}

/** A zip archive; with `zip64`, with the records that files of 4 GB have. */
export function zipOf(entries: readonly Stored[], { zip64 = false } = {}): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let at = 0;
  for (const { name, content, deflate = false, claims, encrypted = false } of entries) {
    const packed = deflate ? deflateRawSync(content) : Buffer.from(content);
    const size = claims ?? content.length;
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50);
    header.writeUInt16LE(Buffer.byteLength(name), 26);
    const inList = Buffer.alloc(46);
    inList.writeUInt32LE(0x02014b50);
    inList.writeUInt16LE(encrypted ? 1 : 0, 8);
    inList.writeUInt16LE(deflate ? 8 : 0, 10);
    inList.writeUInt32LE(crc32(content), 16);
    inList.writeUInt16LE(Buffer.byteLength(name), 28);
    const extra = zip64 ? Buffer.alloc(28) : Buffer.alloc(0);
    if (zip64) {
      for (const offset of [20, 24, 42]) inList.writeUInt32LE(0xffffffff, offset);
      inList.writeUInt16LE(28, 30);
      extra.writeUInt16LE(1);
      extra.writeUInt16LE(24, 2);
      for (const [i, value] of [size, packed.length, at].entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i);
    } else
      for (const [offset, value] of [
        [20, packed.length],
        [24, size],
        [42, at],
      ] as const)
        inList.writeUInt32LE(value, offset);
    parts.push(header, Buffer.from(name), packed);
    list.push(inList, Buffer.from(name), extra);
    at += 30 + Buffer.byteLength(name) + packed.length;
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  for (const [offset, value] of [
    [10, entries.length],
    [8, entries.length],
  ] as const)
    end.writeUInt16LE(zip64 ? 0xffff : value, offset);
  for (const [offset, value] of [
    [12, directory.length],
    [16, at],
  ] as const)
    end.writeUInt32LE(zip64 ? 0xffffffff : value, offset);
  const records = zip64 ? [zip64Records(entries.length, directory.length, at)] : [];
  return Buffer.concat([...parts, directory, ...records, end]);
}

function zip64Records(count: number, length: number, position: number): Buffer {
  const records = Buffer.alloc(56 + 20);
  records.writeUInt32LE(0x06064b50);
  for (const [offset, value] of [
    [24, count],
    [32, count],
    [40, length],
    [48, position],
  ] as const)
    records.writeBigUInt64LE(BigInt(value), offset);
  records.writeUInt32LE(0x07064b50, 56);
  records.writeBigUInt64LE(BigInt(position + length), 56 + 8);
  return records;
}

// ---- Pickles ------------------------------------------------------------------------------------------------------------------------

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
export const text = (value: string) => Buffer.concat([Buffer.from("X"), u32(Buffer.byteLength(value)), Buffer.from(value)]);
export const int = (value: number) => Buffer.concat([Buffer.from("J"), u32(value)]);
export const global = (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`);
const tuple = (...parts: Buffer[]) => Buffer.concat([Buffer.from("("), ...parts, Buffer.from("t")]);
export const pickle = (...parts: (Buffer | string)[]) => Buffer.concat([Buffer.from([0x80, 2]), ...parts.map((part) => Buffer.from(part)), Buffer.from(".")]);

export interface TensorParts {
  key: string;
  storage?: string;
  count: number;
  offset?: number;
  shape: readonly number[];
  stride: readonly number[];
}

export function tensor({ key, storage = "FloatStorage", count, offset = 0, shape, stride }: TensorParts): Buffer {
  const id = tuple(text("storage"), global("torch", storage), text(key), text("cpu"), int(count));
  const args = tuple(
    Buffer.concat([id, Buffer.from("Q")]),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...stride.map(int)),
    Buffer.from([0x89]),
    Buffer.from("N"),
  );
  return Buffer.concat([global("torch._utils", "_rebuild_tensor_v2"), args, Buffer.from("R")]);
}

export const dict = (entries: readonly (readonly [string, Buffer])[]) =>
  Buffer.concat([Buffer.from("}("), ...entries.flatMap(([key, value]) => [text(key), value]), Buffer.from("u")]);

/** What torch.save makes of a pickle and its storages. */
export function torchZip(data: Buffer, storages: Readonly<Record<string, Uint8Array>> = {}, options?: { zip64?: boolean }): Buffer {
  const entries = Object.entries(storages).map(([key, content]) => ({ name: `archive/data/${key}`, content }));
  return zipOf([{ name: "archive/data.pkl", content: data }, { name: "archive/byteorder", content: Buffer.from("little") }, ...entries], options);
}

type Tensors = ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>;

/** A state dict of fp32 tensors, row-major, under a key of a dict if `inside` names one. */
export function stateDict(tensors: Tensors, inside: string | null = null): Buffer {
  const storages: Record<string, Uint8Array> = {};
  const state = pickled(tensors, storages);
  return torchZip(pickle(inside === null ? state : dict([[inside, state]])), storages);
}

/** A checkpoint of several state dicts, by key. */
export function stateDicts(states: Readonly<Record<string, Tensors>>): Buffer {
  const storages: Record<string, Uint8Array> = {};
  return torchZip(pickle(dict(Object.entries(states).map(([key, tensors]) => [key, pickled(tensors, storages)] as const))), storages);
}

/** Adds the storages of the tensors to those that are there. */
function pickled(tensors: Tensors, storages: Record<string, Uint8Array>): Buffer {
  const entries = [...tensors].map(([name, { shape, values }]): [string, Buffer] => {
    const key = String(Object.keys(storages).length);
    storages[key] = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const stride = shape.map((_, d) => shape.slice(d + 1).reduce((product, extent) => product * extent, 1));
    return [name, tensor({ key, count: values.length, shape, stride })];
  });
  return dict(entries);
}

/** Reads event files independently of what writes them: bit by bit checksums, and any protobuf fields. */
import { readFileSync } from "node:fs";

export interface ReadEvent {
  time: number;
  step: number;
  version: string | null;
  restarts: boolean;
  scalars: Record<string, number>;
}

type Fields = Map<number, (number | Buffer)[]>;

/** Throws an Error if a length or a checksum is wrong. */
export function readEvents(path: string): ReadEvent[] {
  const bytes = readFileSync(path);
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (data.length !== length) throw new Error(`record at ${at} is cut off`);
    if (bytes.readUInt32LE(at + 8) !== masked(bytes.subarray(at, at + 8))) throw new Error(`checksum of the length at ${at}`);
    if (bytes.readUInt32LE(at + 12 + length) !== masked(data)) throw new Error(`checksum of the data at ${at}`);
    events.push(eventIn(data));
    at += 16 + length;
  }
  return events;
}

function eventIn(data: Buffer): ReadEvent {
  const event = fieldsIn(data);
  const values = (event.get(5) ?? []).flatMap((summary) => fieldsIn(summary as Buffer).get(1) ?? []).map((value) => fieldsIn(value as Buffer));
  return {
    time: event.get(1)![0] as number,
    step: (event.get(2)?.[0] as number) ?? 0,
    version: event.get(3)?.[0]?.toString() ?? null,
    restarts: event.has(7) && fieldsIn(event.get(7)![0] as Buffer).get(1)![0] === 1,
    scalars: Object.fromEntries(values.map((value) => [value.get(1)![0]!.toString(), value.get(2)![0] as number])),
  };
}

function fieldsIn(data: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const skipped = (size: number) => {
    at += size;
    return at - size;
  };
  while (at < data.length) {
    const key = varint();
    const wire = key % 8;
    const read = [varint, () => data.readDoubleLE(skipped(8)), () => counted(varint()), null, null, () => data.readFloatLE(skipped(4))][wire];
    if (!read) throw new Error(`wire type ${wire}`);
    const number = Math.floor(key / 8);
    fields.set(number, [...(fields.get(number) ?? []), read()]);
  }
  return fields;

  function counted(size: number): Buffer {
    const start = skipped(size);
    return data.subarray(start, start + size);
  }
}

function masked(bytes: Buffer): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

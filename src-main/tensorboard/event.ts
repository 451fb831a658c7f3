/**
 * Events as TensorBoard reads them: TFRecords (tensorflow/core/lib/io/record_writer.h), each with a message Event (tensorflow/core/util/event.proto) in
 * protobuf's wire format. Times are seconds since 1970.
 */
import { maskedCrc32c } from "./crc32c";

/** Numbers of the fields that are written. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 };
const SUMMARY = { value: 1 };
const VALUE = { tag: 1, simpleValue: 2 };
const SESSION_LOG = { status: 1 };
const SESSION_START = 1;

/** The first of a file. */
export const versionEvent = (time: number): Uint8Array => record([double(EVENT.wallTime, time), text(EVENT.fileVersion, "brain.Event:2")]);

/** Takes back what other files of the folder have from this step on, as where a run goes on from its last checkpoint. */
export function restartEvent(time: number, step: number): Uint8Array {
  return record([double(EVENT.wallTime, time), integer(EVENT.step, step), message(EVENT.sessionLog, [integer(SESSION_LOG.status, SESSION_START)])]);
}

/** Scalars by tag, kept in 32 bits. */
export function scalarsEvent(time: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) => message(SUMMARY.value, [text(VALUE.tag, tag), float(VALUE.simpleValue, value)]));
  return record([double(EVENT.wallTime, time), integer(EVENT.step, step), message(EVENT.summary, values)]);
}

/** Length (u64) and its checksum, the data and theirs. */
function record(fields: readonly Uint8Array[]): Uint8Array {
  const data = Buffer.concat(fields);
  const bytes = Buffer.alloc(data.length + 16);
  bytes.writeBigUInt64LE(BigInt(data.length), 0);
  bytes.writeUInt32LE(maskedCrc32c(bytes.subarray(0, 8)), 8);
  bytes.set(data, 12);
  bytes.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return bytes;
}

// ---- Protobuf's wire format -------------------------------------------------------------------------------------------------------

/** How a field's content is laid out. */
const WIRE = { varint: 0, eightBytes: 1, counted: 2, fourBytes: 5 };

const key = (field: number, wire: number) => varint((field << 3) | wire);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

const integer = (field: number, value: number) => Buffer.concat([key(field, WIRE.varint), varint(value)]);

function double(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, WIRE.eightBytes), bytes]);
}

function float(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, WIRE.fourBytes), bytes]);
}

const counted = (field: number, bytes: Uint8Array) => Buffer.concat([key(field, WIRE.counted), varint(bytes.length), bytes]);
const text = (field: number, value: string) => counted(field, Buffer.from(value));
const message = (field: number, fields: readonly Uint8Array[]) => counted(field, Buffer.concat(fields));

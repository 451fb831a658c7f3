/**
 * Events as TensorBoard reads them: TFRecords (tensorflow/core/lib/io/record_writer.h), each with a message Event (tensorflow/core/util/event.proto). Times are seconds since 1970.
 */
import { crc32c } from "../disk/crc32";
import { encode, type Schema } from "../protobuf/codec";

interface Event {
  wallTime: number;
  step?: number;
  fileVersion?: string;
  summary?: { value: { tag: string; simpleValue: number }[] };
  sessionLog?: { status: number };
}

const event: Schema<Event> = {
  wallTime: { number: 1, kind: "double" },
  step: { number: 2, kind: "int" },
  fileVersion: { number: 3, kind: "text" },
  summary: { number: 5, kind: { value: { number: 1, kind: { tag: { number: 1, kind: "text" }, simpleValue: { number: 2, kind: "float" } }, repeated: true } } },
  sessionLog: { number: 7, kind: { status: { number: 1, kind: "int" } } },
};

/** SessionLog.SessionStatus.START */
const SESSION_START = 1;

/** The first of a file. */
export const versionEvent = (time: number): Uint8Array => record({ wallTime: time, fileVersion: "brain.Event:2" });

/** Takes back what other files of the folder have from this step on, as where a run goes on from its last checkpoint. */
export const restartEvent = (time: number, step: number): Uint8Array => record({ wallTime: time, step, sessionLog: { status: SESSION_START } });

/** Scalars by tag, kept in 32 bits. */
export function scalarsEvent(time: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  return record({ wallTime: time, step, summary: { value: Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue })) } });
}

/** Length (u64) and its checksum, the data and theirs. */
function record(content: Event): Uint8Array {
  const data = Buffer.concat(encode(event, content));
  const bytes = Buffer.alloc(data.length + 16);
  bytes.writeBigUInt64LE(BigInt(data.length), 0);
  bytes.writeUInt32LE(maskedCrc32c(bytes.subarray(0, 8)), 8);
  bytes.set(data, 12);
  bytes.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return bytes;
}

/** Rotated right by 15 bits and moved by a constant, so that the checksum of data that hold checksums is still one. */
function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

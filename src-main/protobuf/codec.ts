/** Protobuf messages by a description of their fields; @bufbuild/protobuf has the wire format. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

type Scalar = "int" | "float" | "double" | "text" | "bytes";

interface Field {
  number: number;
  kind: Scalar | AnySchema;
  repeated?: boolean;
  /** Undefined where it is missing. */
  optional?: boolean;
}

/** The fields of a message, in the order in which they are written. */
export type Schema<Message> = { readonly [Name in keyof Message]-?: Field };
type AnySchema = Readonly<Record<string, Field>>;
// biome-ignore lint/suspicious/noExplicitAny: what a message holds follows from its schema.
type AnyMessage = Record<string, any>;

/** The bytes of a message, in pieces: large ones are the caller's own, not copied. */
export type Pieces = readonly Uint8Array[];

/** Fields that are undefined are left out. */
export function encode<Message extends object>(schema: Schema<Message>, message: Message): Pieces {
  return encodeAny(schema as AnySchema, message);
}

function encodeAny(schema: AnySchema, message: AnyMessage): Pieces {
  const pieces: Uint8Array[] = [];
  let writer = new BinaryWriter();
  forEachField(schema, message, ({ number, kind }, value) => {
    if (!holdsBytes(kind)) return writeField(writer, number, kind, value);
    const content = typeof kind === "string" ? [value as Uint8Array] : encodeAny(kind, value as AnyMessage);
    const length = content.reduce((sum, piece) => sum + piece.length, 0);
    pieces.push(writer.tag(number, WireType.LengthDelimited).uint32(length).finish(), ...content);
    writer = new BinaryWriter();
  });
  return [...pieces, writer.finish()];
}

function forEachField(schema: AnySchema, message: AnyMessage, each: (field: Field, value: unknown) => void): void {
  for (const name in schema) {
    const field = schema[name]!;
    if (field.repeated) for (const value of message[name]) each(field, value);
    else if (message[name] !== undefined) each(field, message[name]);
  }
}

function writeField(writer: BinaryWriter, number: number, kind: Field["kind"], value: unknown): void {
  writer.tag(number, wireTypeOf(kind));
  if (typeof kind !== "string") {
    writer.fork();
    forEachField(kind, value as AnyMessage, (field, inner) => writeField(writer, field.number, field.kind, inner));
    writer.join();
  } else if (kind === "int") writer.int64(value as number);
  else if (kind === "text") writer.string(value as string);
  else if (kind !== "bytes") writer[kind](value as number);
}

/** Whether a field is bytes, or a message with bytes somewhere in it. */
function holdsBytes(kind: Field["kind"]): boolean {
  if (typeof kind === "string") return kind === "bytes";
  const known = withBytes.get(kind) ?? Object.values(kind).some((field) => holdsBytes(field.kind));
  withBytes.set(kind, known);
  return known;
}
const withBytes = new WeakMap<AnySchema, boolean>();

/**
 * Reads a message; bytes in it are views. Fields that the schema does not have are passed over, and those that are missing have their default. Throws an
 * Error if the bytes are no such message.
 */
export function decode<Message extends object>(schema: Schema<Message>, bytes: Uint8Array): Message {
  return decodeAny(schema as AnySchema, bytes) as Message;
}

function decodeAny(schema: AnySchema, bytes: Uint8Array): AnyMessage {
  const fields = new Map(Object.entries(schema).map(([name, field]) => [field.number, { name, ...field }]));
  const message: AnyMessage = Object.fromEntries(Object.entries(schema).map(([name, field]) => [name, defaultOf(field)]));
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const field = fields.get(number);
    if (!field) reader.skip(type, number);
    else if (field.kind === "int" && field.repeated && type === WireType.LengthDelimited) message[field.name].push(...packedInts(reader.bytes()));
    else {
      const value = valueIn(reader, field.kind, type);
      if (field.repeated) message[field.name].push(value);
      else message[field.name] = value;
    }
  }
  return message;
}

function defaultOf({ kind, repeated, optional }: Field): unknown {
  if (repeated) return [];
  if (optional) return undefined;
  if (kind === "text") return "";
  if (kind === "bytes") return new Uint8Array(0);
  return typeof kind === "string" ? 0 : decodeAny(kind, new Uint8Array(0));
}

const WIRE_TYPES: Record<Scalar, WireType> = {
  int: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
  text: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
};

const wireTypeOf = (kind: Field["kind"]): WireType => (typeof kind === "string" ? WIRE_TYPES[kind] : WireType.LengthDelimited);

function valueIn(reader: BinaryReader, kind: Field["kind"], type: WireType): unknown {
  if (type !== wireTypeOf(kind)) throw new Error(`a field has the wire type ${type}`);
  if (typeof kind !== "string") return decodeAny(kind, reader.bytes());
  if (kind === "int") return Number(reader.int64());
  return kind === "text" ? reader.string() : reader[kind]();
}

function packedInts(bytes: Uint8Array): number[] {
  const reader = new BinaryReader(bytes);
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.int64()));
  return values;
}

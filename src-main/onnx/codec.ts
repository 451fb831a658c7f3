/** Protobuf messages by a description of their fields; @bufbuild/protobuf has the wire format. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

type Scalar = "int" | "float" | "text" | "bytes";

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
  return Object.entries(schema).flatMap(([name, { number, kind, repeated }]) => {
    if (repeated) return message[name].flatMap((value: unknown) => fieldPieces(number, kind, value));
    return message[name] === undefined ? [] : fieldPieces(number, kind, message[name]);
  });
}

function fieldPieces(number: number, kind: Field["kind"], value: unknown): Pieces {
  const writer = new BinaryWriter();
  if (kind === "int")
    return [
      writer
        .tag(number, WireType.Varint)
        .int64(value as number)
        .finish(),
    ];
  if (kind === "float")
    return [
      writer
        .tag(number, WireType.Bit32)
        .float(value as number)
        .finish(),
    ];
  if (kind === "text")
    return [
      writer
        .tag(number, WireType.LengthDelimited)
        .string(value as string)
        .finish(),
    ];
  const pieces = kind === "bytes" ? [value as Uint8Array] : encodeAny(kind, value as AnyMessage);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [writer.tag(number, WireType.LengthDelimited).uint32(length).finish(), ...pieces];
}

/**
 * Reads a message; bytes in it are views. Fields that the schema does not have are passed over, and those that are missing have their default. Throws an
 * Error if the bytes are no such message.
 */
export function decode<Message extends object>(schema: Schema<Message>, bytes: Uint8Array): Message {
  return decodeAny(schema as AnySchema, bytes) as Message;
}

function decodeAny(schema: AnySchema, bytes: Uint8Array): AnyMessage {
  const fields = new Map(Object.entries(schema).map(([name, field]) => [field.number, { name, ...field }]));
  const message: AnyMessage = Object.fromEntries(Object.entries(schema).map(([name, field]) => [name, field.repeated ? [] : defaultOf(field.kind)]));
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

function defaultOf(kind: Field["kind"]): unknown {
  if (kind === "int" || kind === "float") return 0;
  if (kind === "text") return "";
  return kind === "bytes" ? new Uint8Array(0) : decodeAny(kind, new Uint8Array(0));
}

const WIRE_TYPES: Record<Scalar, WireType> = { int: WireType.Varint, float: WireType.Bit32, text: WireType.LengthDelimited, bytes: WireType.LengthDelimited };

function valueIn(reader: BinaryReader, kind: Field["kind"], type: WireType): unknown {
  if (type !== (typeof kind === "string" ? WIRE_TYPES[kind] : WireType.LengthDelimited)) throw new Error(`a field has the wire type ${type}`);
  if (kind === "int") return Number(reader.int64());
  if (kind === "float") return reader.float();
  if (kind === "text") return reader.string();
  return kind === "bytes" ? reader.bytes() : decodeAny(kind, reader.bytes());
}

function packedInts(bytes: Uint8Array): number[] {
  const reader = new BinaryReader(bytes);
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.int64()));
  return values;
}

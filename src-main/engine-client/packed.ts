/** Messages as bytes (MessagePack), in which typed arrays stay what they are. Works in the page as well as in Node. */
import { Decoder, Encoder, ExtensionCodec } from "@msgpack/msgpack";

/** By their number in a message. Uint8Array has a form of its own. */
const TYPES = [Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array] as const;
/** Entries of one object or array of what comes: a damaged count would reserve memory. */
const MOST_ENTRIES = 1 << 24;

const codec = new ExtensionCodec();
for (const [type, Type] of TYPES.entries())
  codec.register({
    type,
    encode: (value) => (value instanceof Type ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null),
    // Copied, as the bytes of a message begin anywhere, and numbers do not.
    decode: (bytes) => new Type(bytes.slice().buffer),
  });

const encoder = new Encoder({ extensionCodec: codec, ignoreUndefined: true });
const decoder = new Decoder({ extensionCodec: codec, maxArrayLength: MOST_ENTRIES, maxMapLength: MOST_ENTRIES });

export const pack = (message: unknown): Uint8Array<ArrayBuffer> => encoder.encode(message);

/** Throws an Error if the bytes are no message. */
export function unpack(bytes: Uint8Array): unknown {
  // Node's Buffer would give views where copies are meant.
  return decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

import { PIECE } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import { CHECKSUM, Checksum } from "./checksum";
import { type StoredFloat, TO_FLOAT32 } from "./dtypes";
import { withWeights } from "./open-weights";
import { type Written, writeTensors } from "./safetensors";
import { countIn, type TensorFile } from "./tensor-file";

/**
 * Rewrites a file's floats as bf16 or fp32 in the safetensors format, with all its metadata, in pieces of so many bytes. Tensors of other types, such as
 * counters, are passed on as they are. Returns what was chosen or left out, in sentences. Throws an InputError, and writes nothing, if the file
 * is not what its checksum says.
 */
export function convertWeights(from: string, to: string, dtype: StoredFloat, pieceBytes = PIECE): readonly string[] {
  return withWeights(from, (file) => {
    const { metadata, tensors } = file.header;
    const digest = file.hasChecksum ? new Checksum(metadata) : null;
    const written = [...tensors.keys()].map((name) => [name, rewritten(file, name, digest, pieceBytes)] as const);
    const { [CHECKSUM]: _, ...notes } = metadata;
    writeWhole(to, (out) => {
      writeTensors(out, new Map(written), notes, dtype);
      if (digest) file.expectChecksum(digest);
    });
    return file.notes;
  });
}

function rewritten(file: TensorFile, name: string, digest: Checksum | null, pieceBytes: number): Written {
  const info = file.header.tensors.get(name)!;
  function* bytes() {
    digest?.begin(name, info);
    for (const piece of file.pieces(name, pieceBytes)) {
      digest?.add(piece);
      yield piece;
    }
  }
  const { dtype, shape } = info;
  const toFloat32 = TO_FLOAT32.get(dtype);
  const size = countIn(shape);
  if (!toFloat32) return { shape, size, dtype, bytes };
  function* pieces() {
    for (const piece of bytes()) yield toFloat32!(piece.buffer);
  }
  return { shape, size, pieces };
}

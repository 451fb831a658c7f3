import type { TensorCounts } from "../contract/engine";
import { PIECE } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import { CHECKSUM, Checksum } from "./checksum";
import { type StoredFloat, TO_FLOAT32 } from "./dtypes";
import { withWeights } from "./open-weights";
import { type Written, writeTensors } from "./safetensors";
import { countIn, shortened, type TensorFile, type TensorHeader } from "./tensor-file";

/**
 * Rewrites a file's floats as bf16 or fp32 in the safetensors format, with all its metadata, in pieces of so many bytes. Tensors of other types, such as
 * counters, are passed on as they are. Returns what was chosen or left out, and what is wrong with the values, in sentences. Throws an InputError, and
 * writes nothing, if the file is not what its checksum says.
 */
export function convertWeights(from: string, to: string, dtype: StoredFloat, pieceBytes = PIECE): Conversion {
  return withWeights(from, (file) => {
    const { metadata, tensors } = file.header;
    const digest = file.hasChecksum ? new Checksum(metadata) : null;
    const [broken, overflowing, tooLarge] = [new Set<string>(), new Set<string>(), new Set<string>()];
    const written = [...tensors.keys()].map((name) => {
      const check = (values: Float32Array) => {
        const isWide = tensors.get(name)!.dtype === "F64" && !values.some(Number.isNaN);
        if (!values.every(Number.isFinite)) (isWide ? overflowing : broken).add(name);
        else if (dtype === "BF16" && values.some((value) => Math.abs(value) >= ROUNDED_TO_INFINITY)) tooLarge.add(name);
      };
      return [name, rewritten(file, name, { digest, check, pieceBytes })] as const;
    });
    const { [CHECKSUM]: _, ...notes } = metadata;
    writeWhole(to, (out) => {
      writeTensors(out, new Map(written), notes, dtype);
      if (digest) file.expectChecksum(digest);
    });
    const warnings = [
      ...unusableInWords(
        from,
        [...broken],
        "holds NaN or infinity, and so does the exported file: no model can use it; the weights come from a training run that failed, or the file is damaged",
      ),
      ...unusableInWords(
        from,
        [...overflowing].filter((name) => !broken.has(name)),
        "holds infinity or fp64 values too large for fp32, which are infinity in the exported file: no model can use it",
      ),
      ...unusableInWords(from, [...tooLarge], "holds values too large for bf16, which are infinity in the exported file: export it as fp32 instead"),
    ];
    return { ...countsOf(tensors), notes: file.notes, warnings };
  });
}

export interface Conversion extends TensorCounts {
  notes: readonly string[];
  warnings: string[];
}

function countsOf(tensors: TensorHeader["tensors"]): TensorCounts {
  const kept: Record<string, number> = {};
  for (const { dtype } of tensors.values()) if (!TO_FLOAT32.has(dtype)) kept[dtype] = (kept[dtype] ?? 0) + 1;
  return { converted: [...tensors.values()].filter(({ dtype }) => TO_FLOAT32.has(dtype)).length, kept };
}

/** Half a step above the largest bf16, (2 - 2^-7) 2^127. */
const ROUNDED_TO_INFINITY = (2 - 2 ** -8) * 2 ** 127;

function unusableInWords(path: string, [first, ...others]: readonly string[], what: string): string[] {
  if (first === undefined) return [];
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  return [`weights ${path}: tensor "${shortened(first)}"${more} ${what}`];
}

interface Rewriting {
  digest: Checksum | null;
  check: (values: Float32Array) => void;
  pieceBytes: number;
}

function rewritten(file: TensorFile, name: string, { digest, check, pieceBytes }: Rewriting): Written {
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
    for (const piece of bytes()) {
      const values = toFloat32!(piece.buffer);
      check(values);
      yield values;
    }
  }
  return { shape, size, pieces };
}

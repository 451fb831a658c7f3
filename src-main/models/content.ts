/** What a file really is, whatever its name: by its first bytes. */
import { InputError } from "../contract/failure";
import type { OpenFile } from "../disk/open-file";
import { PRODUCER } from "../onnx/proto";

export type WeightsFormat = "safetensors" | "torch zip" | "torch legacy" | "onnx";

/** Enough to know a tar archive by. */
const HEAD = 512;

interface Kind {
  is(head: Buffer): boolean;
  /** What it is and what to do, to follow the file's name. */
  words: string;
}

const begins =
  (...texts: string[]) =>
  (head: Buffer) =>
    texts.some((text) => head.subarray(0, text.length).equals(Buffer.from(text, "latin1")));
const matches = (pattern: RegExp) => (head: Buffer) => pattern.test(head.toString("latin1"));

/** ONNX's first two fields, a version and who wrote it: this program. */
const isOwnOnnx = (head: Buffer) =>
  head[0] === 8 && head.subarray(2, 4 + PRODUCER.length).equals(Buffer.from(`\x12${String.fromCharCode(PRODUCER.length)}${PRODUCER}`));
/** ONNX's first field is a version; the name of the program that wrote it follows, or the graph. */
const isProtobuf = ([first, version, next]: Buffer) => first === 8 && version! <= 32 && [0x12, 0x1a, 0x3a].includes(next!);

const UNPACK = "is a compressed archive: unpack it, and name the file of weights in it";
const OTHER_FORMAT = "export the model's state_dict() from PyTorch instead, as safetensors or by torch.save";

/** Files that people have in place of weights, and why. */
const OTHERS: readonly Kind[] = [
  {
    is: begins("version https://git-lfs"),
    words: "is a Git LFS pointer, a few lines that stand for the weights: run git lfs pull in its folder, or download the file itself",
  },
  {
    is: matches(/^(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)/i),
    words: "is a web page, not weights: what was downloaded is a page about the file, a login or an error; open it in a browser, and download the file itself",
  },
  { is: begins("GGUF", "GGML", "lmgg", "tjgg"), words: `is a GGUF or GGML file, which holds language models: ${OTHER_FORMAT}` },
  { is: begins("\x89HDF\r\n\x1a\n"), words: `is an HDF5 file, as Keras writes them (.h5): ${OTHER_FORMAT}` },
  { is: isProtobuf, words: `is an ONNX file of another program, or another protobuf: of ONNX, only what this program exported is read; ${OTHER_FORMAT}` },
  { is: (head) => head.subarray(4, 8).toString("latin1") === "TFL3", words: `is a TensorFlow Lite file: ${OTHER_FORMAT}` },
  { is: begins("\x93NUMPY"), words: `is an array of NumPy: ${OTHER_FORMAT}` },
  { is: begins("\x1f\x8b", "\xfd7zXZ", "BZh", "7z\xbc\xaf", "Rar!", "\x28\xb5\x2f\xfd"), words: UNPACK },
  { is: (head) => head.subarray(257, 262).toString("latin1") === "ustar", words: "is a tar archive: unpack it, and name the file of weights in it" },
  { is: begins("\x89PNG", "\xff\xd8\xff", "GIF8", "RIFF"), words: "is a picture, not weights" },
  { is: matches(/^\s*[[{]/), words: "is a JSON text, not weights: perhaps the index or the configuration of a model; name the file of weights beside it" },
  {
    is: matches(/^[\t\n\f\r\x20-\x7e\x80-\xff]+$/),
    words: "is a text, not weights: name a file of weights, as safetensors or as torch.save writes them (.safetensors, .pt, .pth, .bin)",
  },
];

/** The format of an open file. Throws an InputError that calls it what it is, and says what to do, if it is nothing that can be read. */
export function formatOf(file: OpenFile): WeightsFormat {
  const head = Buffer.alloc(Math.min(HEAD, file.size));
  file.read(head, 0);
  if (head.length === 0) throw new InputError(`weights ${file.path}: the file is empty (0 bytes): a copy or a download failed; get it again`);
  // A header whose length is given in the first 8 bytes.
  if (head[8] === 0x7b && head.readUInt16LE(6) === 0) return "safetensors";
  if (begins("PK\x03\x04", "PK\x05\x06", "PK\x06\x06")(head)) return "torch zip";
  if (begins("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05")(head)) return "torch legacy";
  if (isOwnOnnx(head)) return "onnx";
  const other = OTHERS.find(({ is }) => is(head));
  if (other) throw new InputError(`weights ${file.path}: the file ${other.words}`);
  return "safetensors";
}

/** Opens files of weights in any format that is known, and with any names that are. */
import { InputError } from "../contract/failure";
import type { OpenFile } from "../disk/open-file";
import type { Digest } from "./checksum";
import { formatOf } from "./content";
import { hasModel, type Naming, renamed, SeveralModelsError } from "./names";
import { OnnxFile } from "./onnx-file";
import { openRegular, SafetensorsFile } from "./safetensors";
import { TensorFile, type TensorHeader, type TensorInfo } from "./tensor-file";
import { TorchFile } from "./torch-file";
import { weightsFileOf } from "./weights-folder";

/**
 * Opens a file, or that in a folder of this program, and closes it after `body`. With namings, its tensors have timm's names. Throws an InputError that says what the file is if it cannot be
 * used.
 */
export function withWeights<T>(path: string, body: (file: TensorFile) => T, namings: readonly Naming[] = []): T {
  const file = openRegular(weightsFileOf(path));
  try {
    const opened = open(file, (names) => hasModel(names, namings));
    return body(namings.length > 0 ? new RenamedFile(opened, namings) : opened);
  } catch (cause) {
    if (cause instanceof SeveralModelsError) throw new InputError(`weights ${path} cannot be read: the file ${cause.message}`, { cause });
    throw cause;
  } finally {
    file.close();
  }
}

function open(file: OpenFile, fits: (names: readonly string[]) => boolean): TensorFile {
  const format = formatOf(file);
  if (format === "safetensors") return new SafetensorsFile(file);
  if (format === "onnx") return new OnnxFile(file);
  return new TorchFile(file, format === "torch zip" ? "zip" : "legacy", fits);
}

/** A file whose tensors have timm's names. */
class RenamedFile extends TensorFile {
  readonly header: TensorHeader;
  override readonly notes: readonly string[];
  /** The file's name by timm's, and the other way round. */
  readonly #inner: ReadonlyMap<string, string>;
  readonly #outer: ReadonlyMap<string, string>;

  constructor(
    private readonly file: TensorFile,
    namings: readonly Naming[],
  ) {
    super();
    const { tensors, metadata } = file.header;
    const { names, notes } = renamed([...tensors.keys()], namings);
    this.#inner = names;
    this.#outer = new Map([...names].map(([name, inner]) => [inner, name]));
    this.header = { metadata, tensors: new Map([...names].map(([name, inner]): [string, TensorInfo] => [name, tensors.get(inner)!])) };
    this.notes = [...file.notes, ...notes.map((note) => `weights ${file.path}: ${note}`)];
  }

  get path(): string {
    return this.file.path;
  }

  bytesOf(name: string, begin: number, end: number): Uint8Array<ArrayBuffer> {
    return this.file.bytesOf(this.#inner.get(name)!, begin, end);
  }

  /** The checksum is one of the file's own names. */
  override readAll(digest: Digest | null, wanted: ReadonlySet<string> = new Set(), take: (name: string, values: Float32Array) => void = () => {}): void {
    this.expectFloats(wanted);
    this.file.readAll(digest, new Set([...wanted].map((name) => this.#inner.get(name)!)), (inner, values) => take(this.#outer.get(inner)!, values));
  }
}

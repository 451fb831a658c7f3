/** A state dict as torch.save writes it: a zip archive with a pickle of names and shapes, and the values of each tensor. */
import { writeWhole } from "../../disk/write-whole";
import { type Entry, writeZip } from "../../disk/write-zip";
import { bytesOf } from "../../models/dtypes";
import type { Writer } from "../exported";
import { type StateTensor, stateDict } from "../state-dict";
import { pickledStateDict } from "./pickle";

/** Of the folder that all entries are in; the name says nothing. */
const ROOT = "archive";

export const writeTorchFile: Writer = async ({ network }, out) => {
  const tensors = stateDict(network.model);
  writeWhole(out, (file) => writeZip(file, entriesOf(tensors)));
  const note = "a state dict holds weights alone: the names of the classes, the normalisation and the architecture are not in it; the format timm keeps them";
  return { notes: [note], warnings: [] };
};

function* entriesOf(tensors: ReadonlyMap<string, StateTensor>): Generator<Entry> {
  const entry = (name: string, content: string | Uint8Array): Entry => ({ name: `${ROOT}/${name}`, bytes: Buffer.from(content) });
  yield entry("data.pkl", pickledStateDict(tensors));
  yield entry("byteorder", "little");
  for (const [key, tensor] of [...tensors.values()].entries()) yield { name: `${ROOT}/data/${key}`, bytes: valuesOf(tensor) };
  yield entry("version", "3\n");
}

const valuesOf = (tensor: StateTensor): Uint8Array => ("bytes" in tensor ? Buffer.concat(tensor.bytes()) : bytesOf(tensor.toFloat32()));

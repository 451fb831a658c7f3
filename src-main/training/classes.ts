/** Whose classes a network's logits are for: those of the data, by name where names are known. */
import { InputError } from "../contract/failure";
import { codeOf, createModel } from "../models/registry";
import { backend } from "../tensor/tensor";
import type { TrainedNetwork } from "./network";

/** The classes of weights: their names in the order of the logits, if they are known. */
export interface KnownClasses {
  count: number;
  names: readonly string[] | null;
}

/** How logits become those of the data's classes. */
export interface ClassMatch {
  /** The logit of each class of the data; null where they are already in its order. */
  rows: readonly number[] | null;
  /** What was assumed or chosen, in a sentence without an end; null where nothing was. */
  note: string | null;
}

/**
 * Finds each class of the data among a network's. Names are equal if they differ only in upper and lower case, spaces, hyphens and underscores. Throws an
 * InputError if a class is not there, or, where the network's names are unknown, if it has another number of them. `remedy`: what else helps.
 */
export function matchClasses(owner: string, { count, names }: KnownClasses, classes: readonly string[], remedy = ""): ClassMatch {
  if (!names) return matchByOrder(owner, count, classes, remedy);
  if (isSame(names, classes)) return { rows: null, note: null };
  const rows = rowsOf(names, classes);
  const missing = classes.filter((_, label) => rows[label] === -1);
  if (missing.length > 0)
    throw new InputError(
      `${owner} was trained for other classes than the data has: its ${count} classes are ${listed(names)}, and of the data's ${classes.length} it lacks ${listed(missing)}; ` +
        `choose weights of the data's classes, or name these as the weights do${remedy}`,
    );
  const isInOrder = count === classes.length && rows.every((row, label) => row === label);
  if (isInOrder) return { rows: null, note: `${owner} spells the classes in another way: ${listed(differing(names, classes))}` };
  const what = count === classes.length ? "the data's classes in another order" : `${count} classes, of which the data has ${classes.length}`;
  return { rows, note: `${owner} has ${what}: its answers are taken by name, those for ${listed(classes)}` };
}

function matchByOrder(owner: string, count: number, classes: readonly string[], remedy: string): ClassMatch {
  if (count !== classes.length)
    throw new InputError(`${owner} distinguishes ${count} classes, and the data has ${classes.length}: choose weights and data with the same classes${remedy}`);
  return { rows: null, note: `${owner} does not say which classes its ${count} answers are for: they are taken for ${listed(classes)}, in this order` };
}

/** For each class its row, the place of its name among `names`, or -1. A name as it is counts before a name like it. */
export function rowsOf(names: readonly string[], classes: readonly string[]): number[] {
  const exact = new Map(names.map((name, row) => [name.normalize("NFC"), row]));
  const alike = new Map<string, number>();
  for (const [row, name] of names.entries()) alike.set(plain(name), alike.has(plain(name)) ? -1 : row);
  const rows = classes.map((name) => exact.get(name.normalize("NFC")) ?? alike.get(plain(name)) ?? -1);
  // "Cat" and "cat" are two classes of the data; one row cannot stand for both.
  const count = new Map<number, number>();
  for (const row of rows) count.set(row, (count.get(row) ?? 0) + 1);
  return rows.map((row) => (count.get(row)! > 1 ? -1 : row));
}

const plain = (name: string) =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();

const isSame = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((name, i) => name.normalize("NFC") === b[i]!.normalize("NFC"));

function differing(names: readonly string[], classes: readonly string[]): string[] {
  return names.flatMap((name, label) => (name === classes[label] ? [] : [`${name} is ${classes[label]}`]));
}

const SHOWN = 10;

export function listed(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return `${names.slice(0, SHOWN).join(", ")}${more}`;
}

/**
 * The network with a logit for each class of the data, in its order, and what is to be said of that among its notes. Takes the given one's place: if rows
 * have to be taken from it, it is released. Throws an InputError, and leaves it, if the classes do not match.
 */
export function fittedTo(network: TrainedNetwork, classes: readonly string[], owner: string): TrainedNetwork {
  const { rows, note } = matchClasses(owner, { count: network.model.classes, names: network.classes }, classes);
  const notes = [...network.notes, ...(note ? [note] : [])];
  return { ...(rows ? withRows(network, rows) : network), classes: [...classes], notes };
}

/** A network with the logits of these rows alone, in evaluation mode. Releases the given one. */
export function withRows<N extends Pick<TrainedNetwork, "model">>(network: N, rows: readonly number[]): N {
  const { model: whole } = network;
  const model = createModel(whole.name, { classes: rows.length, ...whole.sizes, seed: null });
  const heads = codeOf(whole.name).heads.flatMap((head) => [`${head}.weight`, `${head}.bias`]);
  for (const [name, weight] of model.weights()) {
    const values = whole.weights().get(name)!.toFloat32();
    backend().write(weight.handle, heads.includes(name) ? rowsIn(values, rows, whole.classes) : values);
  }
  whole.release();
  model.eval().requiresGrad(false);
  return { ...network, model };
}

/** values [K,...] -> [rows,...] */
function rowsIn(values: Float32Array, rows: readonly number[], count: number): Float32Array {
  const size = values.length / count;
  const taken = new Float32Array(rows.length * size);
  for (const [to, from] of rows.entries()) taken.set(values.subarray(from * size, (from + 1) * size), to * size);
  return taken;
}

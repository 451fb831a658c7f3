/** Names of a model's tensors as other programs write them, read as timm's. */
import { shortened } from "./tensor-file";

/** How another program names the tensors of a family. */
export interface Naming {
  /** "pytorch-cifar's" */
  whose: string;
  /** What differs, in words: "linear for fc". */
  words: string;
  /** A name that tells it, of the last layer and of a layer that every model of the family has. */
  head: string;
  body: string;
  /** A name that no other program's files have: where it is, this is the naming, whatever else fits. */
  mark?: string;
  /** timm's name; null: the model has no such tensor. */
  toTimm(name: string): string | null;
}

export interface Renamed {
  /** The file's name by timm's. */
  names: ReadonlyMap<string, string>;
  /** What was done, in sentences without an end. */
  notes: readonly string[];
}

/** Where training programs keep a model, as a key or before its names, the likeliest first. Averages come last: who wants them saves them alone. */
export const PLACES = [
  ...["state_dict", "model_state_dict", "model", "net", "network", "weights", "model_state", "params", "module", "student", "teacher"],
  ...["state_dict_ema", "model_ema", "ema_state_dict", "ema", "model_ema_state_dict", "ema_model"],
];

/** A file holds several models, and nothing says which is meant; the message follows "it". */
export class SeveralModelsError extends Error {
  /** `example`: how Python saves the first alone. */
  constructor(places: readonly string[], example: string) {
    const more = places.length > 10 ? ` and ${places.length - 10} more` : "";
    super(
      `holds several models (${places.slice(0, 10).map(shortened).join(", ")}${more}), and it is not clear which is meant: save that one alone, as by ${example}`,
    );
  }
}

/** In a file of several models. */
const MOST_PREFIXES = 100;
/** Put around modules by torch.compile, FSDP and activation checkpointing, at any depth. */
const WRAPPERS = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)(?=\.)/g;
/** What surrounds a model: names with dots, of which none is a number. */
const PREFIX = /^(?:[A-Za-z_]\w*\.)*$/;

/** PyTorch counts batches even in batch norms that average with a momentum, where nothing depends on the count. */
export function isIgnored(name: string): boolean {
  return name.endsWith("num_batches_tracked");
}

/**
 * Finds the tensors of a model among names of a file. `namings`: that of timm first. What surrounds a model ("module.", "model.backbone.") is dropped, and
 * what lies beside it is left out. Names in which no model is found stay as they are. Throws a SeveralModelsError if several are, and none of them
 * stands at one of the usual places.
 */
export function renamed(file: readonly string[], namings: readonly Naming[]): Renamed {
  const plain = new Map(file.map((name) => [unwrapped(name), name] as const));
  const found = plain.size === file.length ? modelIn([...plain.keys()], namings) : null;
  if (!found) return { names: new Map(file.map((name) => [name, name])), notes: [] };
  const { naming, prefix } = found;
  const inside = [...plain].filter(([name]) => name.startsWith(prefix));
  const timms = inside.flatMap(([name, original]): [string, string][] => {
    const timm = naming.toTimm(name.slice(prefix.length));
    return timm === null ? [] : [[timm, original]];
  });
  const names = new Map(timms);
  // Two names for one tensor: better the file's own, about which errors speak.
  if (names.size < timms.length) return { names: new Map(file.map((name) => [name, name])), notes: [] };
  return { names, notes: notesOn(file, found, namings[0] !== naming, [...plain.keys()]) };
}

interface Found {
  naming: Naming;
  prefix: string;
}

function notesOn(file: readonly string[], { naming, prefix }: Found, isForeign: boolean, plain: readonly string[]): string[] {
  const beside = plain.filter((name) => !name.startsWith(prefix) && !isIgnored(name));
  const wraps = file.some((name) => unwrapped(name) !== name) ? "the wrapper names of torch.compile or FSDP" : null;
  const dropped = [prefix && `"${prefix}" before the names`, wraps].filter(Boolean).join(" and ");
  return [
    ...(dropped ? [`${dropped} ${prefix && wraps ? "are" : wraps ? "are" : "is"} dropped`] : []),
    ...(isForeign ? [`names that are ${naming.whose} are read as timm's (${naming.words})`] : []),
    ...(beside.length > 0
      ? [`${beside.length} tensors outside "${prefix}" are left out: ${beside.slice(0, 3).join(", ").slice(0, 200)}${beside.length > 3 ? " ..." : ""}`]
      : []),
  ];
}

function unwrapped(name: string): string {
  return name.replace(WRAPPERS, "").replace(/^\./, "");
}

/** Whether a model of the namings is found in names. */
export function hasModel(names: readonly string[], namings: readonly Naming[]): boolean {
  return modelsIn(names.map(unwrapped), namings) !== null;
}

function modelIn(names: readonly string[], namings: readonly Naming[]): Found | null {
  const found = modelsIn(names, namings);
  return found && { naming: found.naming, prefix: likeliest(found.prefixes) };
}

/** Of prefixes none of which begins with another: the one that there is, or the only one at the likeliest place. */
function likeliest(prefixes: readonly string[]): string {
  const rankOf = (prefix: string) => {
    const place = PLACES.indexOf(prefix.split(".")[0]!);
    return place < 0 ? PLACES.length : place;
  };
  const best = Math.min(...prefixes.map(rankOf));
  const [first, second] = prefixes.filter((prefix) => rankOf(prefix) === best);
  if (second === undefined) return first!;
  const example = `torch.save({k.removeprefix(${JSON.stringify(first)}): v for k, v in state.items() if k.startswith(${JSON.stringify(first)})}, "${first}pth")`;
  throw new SeveralModelsError(prefixes, example);
}

/** By the mark of a program, by the last layer, or, in a file without one, by a layer of its body. A model has at least a quarter of all names. */
function modelsIn(names: readonly string[], namings: readonly Naming[]): { naming: Naming; prefixes: string[] } | null {
  for (const part of ["mark", "head", "body"] as const) {
    for (const naming of namings) {
      const sign = naming[part];
      if (sign === undefined) continue;
      const prefixes = names.flatMap((name) => (endsWith(name, sign) ? [name.slice(0, -sign.length)] : []));
      const counted = [...new Set(prefixes)]
        .filter((prefix) => PREFIX.test(prefix))
        .slice(0, MOST_PREFIXES)
        .map((prefix) => ({ prefix, count: names.filter((name) => name.startsWith(prefix)).length }))
        .filter(({ count }) => 4 * count >= names.length)
        .map(({ prefix }) => prefix);
      const outer = counted.filter((prefix) => !counted.some((other) => other !== prefix && prefix.startsWith(other)));
      if (outer.length > 0) return { naming, prefixes: outer };
    }
  }
  return null;
}

const endsWith = (name: string, end: string) => name === end || name.endsWith(`.${end}`);

/** Replaces beginnings and parts of names: the pairs are tried in order, and each that fits is applied. */
export function byRules(...rules: readonly (readonly [RegExp, string])[]): (name: string) => string {
  return (name) => rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), name);
}

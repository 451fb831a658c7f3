/** What a drop means, by where it falls and what it is. */

/** The two places of the window that take drops. */
export type Target = "data" | "predict";

export interface Dropped {
  file: File;
  isFolder: boolean;
}

/** recipe: a text that may be one. */
export type Kind = "folder" | "image" | "weights" | "recipe" | "other";

const IMAGE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
const WEIGHTS = /\.(safetensors|onnx|pth|pt|bin|ckpt|tar)$/i;

export function kindOf({ file: { name, type }, isFolder }: Dropped): Kind {
  if (isFolder) return "folder";
  if (type.startsWith("image/") || IMAGE.test(name)) return "image";
  if (WEIGHTS.test(name)) return "weights";
  return /\.(distill|json)$/i.test(name) ? "recipe" : "other";
}

/** What a drop is about: what its place takes, if that is there. The rest is left out, and said. */
export function chosenOf(all: readonly Dropped[], target: Target): { kind: Kind; chosen: Dropped[]; left: Dropped[] } {
  const order: Kind[] = target === "data" ? ["folder", "image", "weights", "recipe", "other"] : ["image", "folder", "weights", "recipe", "other"];
  const kind = order.find((candidate) => all.some((dropped) => kindOf(dropped) === candidate)) ?? "other";
  return { kind, chosen: all.filter((dropped) => kindOf(dropped) === kind), left: all.filter((dropped) => kindOf(dropped) !== kind) };
}

const NAMED = 5;

/** "a, b and 3 more" */
export function namesOf(all: readonly Dropped[]): string {
  const names = all.slice(0, NAMED).map(({ file }) => file.name);
  return all.length > NAMED ? `${names.join(", ")} and ${all.length - NAMED} more` : names.join(", ");
}

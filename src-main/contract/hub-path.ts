/** Weights on the Hugging Face hub, named in place of a path: hf:owner/name[@revision][/file]. */
import { InputError } from "./failure";

export const HUB = "hf:";

const PUBLIC_HUB = "https://huggingface.co";

export const isHubPath = (path: string): boolean => path.startsWith(HUB);

/** A model on the hub. */
export interface HubAddress {
  /** "owner/name" */
  repository: string;
  /** A branch, a tag or a commit. */
  revision: string;
  /** null: the one file of weights that the repository has. */
  file: string | null;
}

const FORM = /^([\w.-]+\/[\w.-]+)(?:@([^/@]+))?(?:\/(.+))?$/;
const EXPECTED = "expected hf:owner/name, hf:owner/name@revision or hf:owner/name@revision/file";

/** Throws an InputError that shows the form. In a revision, %2F stands for a slash. */
export function parseHubPath(path: string): HubAddress {
  const found = FORM.exec(path.slice(HUB.length));
  const [, repository = "", revision = "main", file = null] = found ?? [];
  const parts = [...repository.split("/"), ...decoded(revision, path).split("/"), ...(file?.split("/") ?? [])];
  // They become names of folders and files.
  if (!found || parts.some((part) => part === "" || part === "." || part === ".." || /[\\\0]/.test(part))) throw new InputError(`${path}: ${EXPECTED}`);
  return { repository, revision: decoded(revision, path), file };
}

/** As recipes write it. */
export function hubPathOf({ repository, revision, file }: HubAddress): string {
  const exact = revision === "main" && file === null ? "" : `@${encodeURIComponent(revision)}`;
  return `${HUB}${repository}${exact}${file === null ? "" : `/${file}`}`;
}

/** Whether a path names a file of a commit, which never changes. */
export const isExact = (path: string): boolean => /^hf:[^@]+@[0-9a-f]{40}\/./.test(path);

/** Whether a path does so of the model that another names. */
export const isExactOf = (path: string, model: string): boolean => isExact(path) && parseHubPath(path).repository === parseHubPath(model).repository;

/**
 * What a person typed or pasted, as a path: hf:owner/name, owner/name, or the address of a model's page or file on the hub at `endpoint`. Throws an InputError
 * that shows what is expected.
 */
export function typedHubPath(typed: string, endpoint = PUBLIC_HUB): string {
  const text = typed.trim();
  const rest = [endpoint, PUBLIC_HUB].reduce((left, hub) => left.replace(new RegExp(`^(https?://)?${escaped(hostOf(hub))}/`, "i"), ""), text);
  const [name = ""] = rest.replace(/^hf:/i, "").split(/[?#]/);
  // owner/name/blob/revision/file is how its pages are called.
  const [, repository, revision, file] = /^([^/]+\/[^/]+)\/(?:tree|blob|resolve)\/([^/]+)(?:\/(.+))?$/.exec(name) ?? [];
  const path = HUB + (repository === undefined ? name : `${repository}@${revision}${file ? `/${file}` : ""}`).replace(/\/+$/, "");
  if (!FORM.test(path.slice(HUB.length)))
    throw new InputError(
      `“${text.slice(0, 200)}” names no model on the hub: expected owner/name, as in timm/resnet18.a1_in1k, or the address of its page at ${hostOf(endpoint)}`,
    );
  return hubPathOf(parseHubPath(path));
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Address of the hub, without a slash at its end: HF_ENDPOINT, as in Python's huggingface_hub. */
export const hubEndpoint = ({ HF_ENDPOINT }: Environment): string => (HF_ENDPOINT || PUBLIC_HUB).replace(/\/+$/, "");

/** "https://huggingface.co" -> "huggingface.co" */
export const hostOf = (endpoint: string): string => endpoint.replace(/^\w+:\/\//, "").replace(/\/.*$/, "");

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function decoded(revision: string, path: string): string {
  try {
    return decodeURIComponent(revision);
  } catch (cause) {
    throw new InputError(`${path}: ${EXPECTED}`, { cause });
  }
}

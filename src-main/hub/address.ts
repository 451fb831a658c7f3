import { InputError } from "../contract/failure";
import { HUB } from "../contract/hub-path";

/** A model on the hub. */
export interface HubAddress {
  /** "owner/name" */
  repository: string;
  /** A branch, a tag or a commit. */
  revision: string;
  /** null: the one file of weights that the repository has. */
  file: string | null;
}

const EXPECTED = "expected hf:owner/name, hf:owner/name@revision or hf:owner/name@revision/file";

/** Throws an InputError that shows the form. In a revision, %2F stands for a slash. */
export function parseHubPath(path: string): HubAddress {
  const found = /^([\w.-]+\/[\w.-]+)(?:@([^/@]+))?(?:\/(.+))?$/.exec(path.slice(HUB.length));
  const [, repository = "", revision = "main", file = null] = found ?? [];
  const parts = [...repository.split("/"), ...decoded(revision, path).split("/"), ...(file?.split("/") ?? [])];
  // They become names of folders and files.
  if (!found || parts.some((part) => part === "" || part === "." || part === ".." || /[\\\0]/.test(part))) throw new InputError(`${path}: ${EXPECTED}`);
  return { repository, revision: decoded(revision, path), file };
}

function decoded(revision: string, path: string): string {
  try {
    return decodeURIComponent(revision);
  } catch (cause) {
    throw new InputError(`${path}: ${EXPECTED}`, { cause });
  }
}

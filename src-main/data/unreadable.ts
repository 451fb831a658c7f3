import { InputError } from "../contract/failure";
import { type LeftOut, leftOutFile } from "./folder/left-out";
import { shownPath } from "./folder/names";
import type { Said } from "./said";

/** A file, or bytes by that name, that no decoder makes an image of. */
export class UnreadableImage extends InputError {
  constructor(
    readonly path: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${shownPath(path)} cannot be read as an image: ${reason}`, options);
  }
}

/** Gathers the images that cannot be read while all are read: so they are told at once, or skipped at once. */
export class UnreadableImages {
  readonly #found: { path: string; error: UnreadableImage }[] = [];

  /** What `read` gives; null if the image cannot be read. `path` is relative to the data's folder. */
  async unless<T>(path: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UnreadableImage)) throw error;
      this.#found.push({ path, error });
      return null;
    }
  }

  /** By the paths as they were given. */
  get reasons(): { path: string; reason: string }[] {
    return this.#found.map(({ path, error }) => ({ path, reason: error.reason }));
  }

  get errors(): UnreadableImage[] {
    return this.#found.map(({ error }) => error);
  }

  /** What to say of the images that are skipped. Throws an InputError that names all, unless they are to be skipped and others are left. */
  settle(total: number, skip: boolean): { leftOut: LeftOut[]; said: Said[] } {
    this.#found.sort((a, b) => (a.path < b.path ? -1 : 1));
    const [first] = this.#found;
    if (!first) return { leftOut: [], said: [] };
    const count = this.#found.length;
    if (!skip || count === total)
      throw unreadableError(this.errors, "set data.skipUnreadable=true (or --skip-unreadable, where the command has it) to go on without what cannot be read");
    const leftOut = this.#found.map(({ path, error }): LeftOut => ({ path, reason: "unreadable", detail: error.reason }));
    const example = `${leftOutFile(leftOut[0]!).path}: ${first.error.reason}`;
    const text = `${count} of ${total} images cannot be read and ${count === 1 ? `is skipped (${example})` : `are skipped (${example}, and others)`}`;
    return { leftOut, said: [{ type: "warning", text }] };
  }
}

/** One error for all of them, each with its path and the reason, and what else can be done about them. */
export function unreadableError(errors: readonly UnreadableImage[], remedy?: string): InputError {
  if (errors.length === 1 && !remedy) return errors[0]!;
  const [count, them] = errors.length === 1 ? ["1 image", "it"] : [`${errors.length} images`, "them"];
  const remedies = [`replace or remove ${them}`, ...(remedy ? [remedy] : [])].join(", or ");
  return new InputError([`${count} cannot be read: ${remedies}`, ...errors.map(({ message }) => message)]);
}

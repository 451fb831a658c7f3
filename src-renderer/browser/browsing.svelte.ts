import type { Entry, Listing, ServerCalls, Wanted } from "../../src-main/contract/served";

/** On the server, or on the user's own computer. */
export type Picked = { path: string } | { files: File[] };

export type Places = { [Name in "places" | "listFolder" | "picked"]: (...args: ServerCalls[Name]["args"]) => Promise<ServerCalls[Name]["result"]> };

/** A look at the server's folders, to pick something in them. */
export class Browsing {
  roots: string[] = $state.raw([]);
  listing: Listing | null = $state.raw(null);
  problem: string | null = $state(null);
  /** The file that is chosen, by its name. */
  chosen: string | null = $state(null);
  /** Only names that contain this are shown. */
  part = $state("");
  /** Of what is written, or of a new folder. */
  name = $state("");
  /** Whether the user was asked if a file that is there may be replaced: to pick it now says so. */
  asked = $state(false);

  constructor(
    private readonly server: Places,
    readonly wanted: Wanted,
    suggested: string,
  ) {
    this.name = suggested;
  }

  async begin(): Promise<void> {
    const { roots, start } = await this.server.places(this.wanted);
    this.roots = roots;
    await this.open(start);
  }

  /** Shows another folder; if it cannot be read, says why, and stays. */
  open(folder: string): Promise<void> {
    return this.#show(folder, "");
  }

  /** Shows of this folder, or of the one that is being opened, what has a part of a name. */
  find(part: string): Promise<void> {
    return this.#show(this.#folder, part);
  }

  #folder = "";
  #asked = 0;

  /** What is asked last counts, whichever answer comes last. */
  async #show(folder: string, part: string): Promise<void> {
    const mine = ++this.#asked;
    this.#folder = folder;
    this.part = part;
    try {
      const listing = await this.server.listFolder(folder, this.wanted, part);
      if (mine !== this.#asked) return;
      this.listing = listing;
      Object.assign(this, { problem: null, chosen: null, asked: false });
    } catch (error) {
      if (mine !== this.#asked) return;
      this.problem = inWords(error);
      this.#folder = this.listing?.path ?? "";
    }
  }

  enter({ name, isFolder }: Entry): Promise<void> | void {
    if (isFolder) return this.open(join(this.listing!.path, name));
    this.chosen = name;
    if (this.wanted.kind === "model") this.name = name;
  }

  /** From a root down to the folder that is shown. */
  get crumbs(): { label: string; path: string }[] {
    const path = this.listing?.path ?? "";
    const root = this.roots.filter((each) => path === each || path.startsWith(join(each, ""))).sort((a, b) => b.length - a.length)[0] ?? path;
    const below = path.slice(root.length).split(/[\\/]/).filter(Boolean);
    const crumbs = [{ label: root, path: root }];
    for (const label of below) crumbs.push({ label, path: join(crumbs.at(-1)!.path, label) });
    return crumbs;
  }

  /** The folder above, if that may be looked at. */
  get parent(): string | null {
    return this.crumbs.at(-2)?.path ?? null;
  }

  /** What would be picked now; null if nothing. */
  get target(): string | null {
    const folder = this.listing?.path;
    if (!folder) return null;
    if (this.wanted.kind === "file") return this.chosen && join(folder, this.chosen);
    const name = this.name.trim();
    if (this.wanted.kind === "model") return name ? join(folder, name) : null;
    return name ? join(folder, name) : folder;
  }

  /** Picks it; null, with the reason or a question on screen, if that is not possible yet. */
  async pick(): Promise<Picked | null> {
    const { target } = this;
    if (target === null) return null;
    try {
      const path = await this.server.picked(target, this.wanted, this.asked);
      this.problem = null;
      this.asked = path === null;
      return path === null ? null : { path };
    } catch (error) {
      this.problem = inWords(error);
      return null;
    }
  }
}

const inWords = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** As the server's system writes it. */
const join = (folder: string, name: string): string => {
  const separator = folder.includes("\\") ? "\\" : "/";
  return folder.endsWith(separator) ? `${folder}${name}` : `${folder}${separator}${name}`;
};

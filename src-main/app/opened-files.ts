/** Recipes that the system asks the app to open: by a double click, as an argument, or on macOS by an event. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { app } from "electron";
import type { OpenedRecipe } from "../contract/host";

/** A recipe has a few thousand bytes. */
const MOST_BYTES = 1_000_000;

/** The recipe files among the arguments of a program, as absolute paths. Electron's own switches begin with "-". */
export function filesIn(argv: readonly string[], folder: string): string[] {
  // In the source tree the first argument is the app.
  const given = argv.slice(app.isPackaged ? 1 : 2).filter((argument) => /\.(distill|json)$/i.test(argument) && !argument.startsWith("-"));
  return given.map((file) => path.resolve(folder, file));
}

/** Keeps the file that was last asked for until the page takes it. */
export class OpenedFiles {
  #file: string | null = null;
  #listener: () => void = () => {};

  constructor(files: readonly string[]) {
    this.open(files);
    // Must listen before the app is ready.
    app.on("open-file", (event, file) => {
      event.preventDefault();
      this.open([file]);
    });
  }

  /** The listener is called when a page that is there already has one to take. */
  onOpen(listener: () => void): void {
    this.#listener = listener;
  }

  open(files: readonly string[]): void {
    const file = files.at(-1);
    if (!file) return;
    this.#file = file;
    this.#listener();
  }

  /** Throws an Error that names the file if it cannot be read. */
  take(): OpenedRecipe | null {
    const file = this.#file;
    this.#file = null;
    if (file === null) return null;
    try {
      const { size } = statSync(file);
      if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, and a recipe at most ${MOST_BYTES}`);
      return { name: path.basename(file), text: readFileSync(file, "utf8") };
    } catch (error) {
      throw new Error(`${file} could not be opened: ${error instanceof Error ? error.message : error}`);
    }
  }
}

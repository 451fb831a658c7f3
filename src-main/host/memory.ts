/** What a page may be given back at the next start: recent data folders and the form. Only what the user chose is remembered as chosen. */
import path from "node:path";
import type { RememberedForm, RememberedSweep } from "../contract/host";
import { isHubPath } from "../contract/hub-path";
import { parseRecipe } from "../contract/parse-recipe";
import type { OwnedEngine } from "../engine-client/owned";
import type { Preferences } from "./preferences";

const MOST_RECENT = 6;

export class Memory {
  /** `isOpen`: whether a page may still be given what was chosen at an earlier start. */
  constructor(
    private readonly preferences: Preferences,
    private readonly engine: Pick<OwnedEngine<unknown>, "grant" | "isChosen">,
    private readonly isOpen: (chosen: string) => boolean = () => true,
  ) {
    for (const chosen of new Set([...preferences.get("recentData"), ...preferences.get("chosenForForm")])) if (isOpen(chosen)) engine.grant(chosen, "read");
  }

  get recentData(): string[] {
    return this.preferences.get("recentData").filter(this.isOpen);
  }

  /** Null at the first start, and where it was written by a version whose recipes are others. */
  get form(): RememberedForm | null {
    const form = this.preferences.get("form");
    try {
      // Without a sweep, an earlier version wrote it.
      return form && { preset: form.preset, sweep: form.sweep ?? seedsAlone(form.seeds ?? 1), recipe: parseRecipe(form.recipe) };
    } catch {
      return null;
    }
  }

  rememberData(folder: string): string[] {
    if (!this.engine.isChosen(folder)) throw new Error(`${folder} is no folder that you chose.`);
    const others = this.preferences.get("recentData").filter((other) => other !== folder);
    this.preferences.set("recentData", [folder, ...others].slice(0, MOST_RECENT));
    return this.recentData;
  }

  rememberForm({ preset, sweep, recipe: given }: RememberedForm): void {
    const recipe = parseRecipe(given);
    const chosenForForm = [...new Set(pathsIn(recipe))].filter((file) => this.engine.isChosen(file));
    this.preferences.setAll({ form: { preset, sweep, recipe }, chosenForForm });
  }
}

const seedsAlone = (seeds: number): RememberedSweep => ({
  kind: seeds > 1 ? "seeds" : "one",
  seeds: String(seeds > 1 ? seeds : 3),
  labels: "",
  trials: "20",
  batches: "50",
});

/** Absolute paths, and those on the hub, among the texts of a value. */
function pathsIn(value: unknown): string[] {
  if (typeof value === "string") return path.isAbsolute(value) || isHubPath(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}

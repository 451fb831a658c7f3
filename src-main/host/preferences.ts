/**
 * What the app remembers between sessions: theme, window, last folders, whether the explanation of distillation is open, recent data folders, and the form.
 * A damaged or foreign file counts as no file.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { parseJson } from "../contract/json";

const typed = z.string().max(2000);
/** What is made of the form's recipe. */
export const rememberedSweep = z.object({ kind: z.enum(["one", "seeds", "labels", "search"]), seeds: typed, labels: typed, trials: typed, batches: typed });

const schema = z.object({
  theme: z.enum(["system", "light", "dark"]).default("system"),
  window: z
    .object({ x: z.number().int(), y: z.number().int(), width: z.number().int().positive(), height: z.number().int().positive(), maximized: z.boolean() })
    .nullable()
    .default(null),
  lesson: z.boolean().default(true),
  /** By what was chosen in it. */
  lastFolders: z.record(z.string(), z.string()).default({}),
  recentData: z.array(z.string()).default([]),
  /** `seeds`: as earlier versions wrote it, in place of a sweep. */
  form: z
    .object({ preset: z.string().nullable(), seeds: z.number().int().positive().optional(), sweep: rememberedSweep.optional(), recipe: z.unknown() })
    .nullable()
    .default(null),
  /** Files and folders of the form that the user chose. */
  chosenForForm: z.array(z.string()).default([]),
});
export type Values = z.infer<typeof schema>;

export class Preferences {
  #values: Values;

  constructor(private readonly file: string) {
    this.#values = read(file);
  }

  get<K extends keyof Values>(key: K): Values[K] {
    return this.#values[key];
  }

  set<K extends keyof Values>(key: K, value: Values[K]): void {
    this.setAll({ [key]: value });
  }

  /** Saves at once, under a new name first: a truncated file would lose all preferences. */
  setAll(values: Partial<Values>): void {
    this.#values = { ...this.#values, ...values };
    mkdirSync(path.dirname(this.file), { recursive: true });
    writeFileSync(`${this.file}.new`, JSON.stringify(this.#values, null, 2), { mode: 0o600 });
    renameSync(`${this.file}.new`, this.file);
  }
}

function read(file: string): Values {
  try {
    return schema.parse(parseJson(readFileSync(file, "utf8")));
  } catch {
    return schema.parse({});
  }
}

import type { Command } from "commander";
import { UsageError } from "../../contract/failure";
import { nearest } from "../../contract/nearest";
import { type Preset, presets } from "../../contract/presets";
import { addVerb, type Outcome } from "../verb";

/** Ready-made recipes, to run or to begin one's own with. They need no engine. */
export function addRecipe(program: Command, print: (outcome: Outcome) => void): void {
  const recipe = program.command("recipe").description("list and show ready-made recipes");
  addVerb(recipe, "list", "list the ready-made recipes", "recipe list").action(() => print(listed()));
  addVerb(recipe, "show", "print a ready-made recipe", "recipe show article > recipe.json")
    .argument("<name>", "its name, as distill recipe list prints it")
    .action((name: string) => print(shown(presetNamed(name))));
}

function listed(): Outcome {
  const json = presets.map(({ id, title, description }) => ({ name: id, title, description }));
  const width = Math.max(...json.map(({ name }) => name.length));
  return { json, text: json.map(({ name, description }) => `${name.padEnd(width)}   ${description}`).join("\n") };
}

function shown({ written }: Preset): Outcome {
  return { json: written, text: JSON.stringify(written, null, 2) };
}

function presetNamed(name: string): Preset {
  const preset = presets.find(({ id }) => id === name);
  if (preset) return preset;
  const names = presets.map(({ id }) => id);
  const meant = nearest(name, names);
  throw new UsageError(`recipe "${name}" does not exist${meant ? ` (did you mean ${meant}?)` : ""}; expected one of ${names.join(", ")}`);
}

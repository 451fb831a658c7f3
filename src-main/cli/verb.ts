import { type Command, Option } from "commander";
import { MOST_THREADS } from "../contract/threads";
import { wholeNumber } from "./flags";
import type { Session } from "./session";

/** The result of a verb: the JSON document that `--json` prints, and the text for people. */
export interface Outcome {
  json: unknown;
  text: string;
  /** What failed although the rest is done: told as errors, with the exit status 1. */
  problems?: readonly string[];
}

/** Runs the work of a verb with an engine and prints the outcome. */
export type Perform = (work: (session: Session) => Promise<Outcome>) => Promise<void>;

const examples = new WeakMap<Command, string>();

/** Adds a verb, with an example of its arguments, verb included. */
export function addVerb(parent: Command, usage: string, description: string, example: string): Command {
  const verb = parent.command(usage).description(description);
  examples.set(verb, example);
  return verb;
}

/** The end of a verb's help; nothing for what only has verbs. */
export function exampleOf(command: Command, program: string): string {
  const example = examples.get(command);
  return example === undefined ? "" : `\nExample:\n  ${program} ${example}`;
}

/** Options that verbs have besides their own. */
const shared = new WeakSet<Option>();

function addShared(command: Command, flags: string, description: string): Option {
  const option = new Option(flags, description);
  shared.add(option);
  command.addOption(option);
  return option;
}

/** Adds the options of verbs with an engine, after a verb's own. */
export function addEngineOptions(command: Command): void {
  if (command.commands.length > 0) {
    command.commands.forEach(addEngineOptions);
    return;
  }
  addShared(command, "--progress <form>", "how progress is shown: text for people (default); json for programs, an event a line").choices(["text", "json"]);
  // The benchmark has its own, for both sides.
  if (command.options.some(({ long }) => long === "--threads")) return;
  addShared(command, "--threads <count>", "threads that compute (default: as doctor shows); no result depends on it").argParser(wholeNumber(1, MOST_THREADS));
}

/** Adds the options that all verbs share, after a verb's own. */
export function addCommonOptions(command: Command): void {
  if (command.commands.length > 0) {
    command.commands.forEach(addCommonOptions);
    return;
  }
  addShared(command, "--json", "print one JSON document on standard output");
  addShared(command, "--debug", "show details of a failure");
}

/** Takes what was given for such options out of a verb's options, so that its action gets its own alone. */
export function takeShared(verb: Command): { threads?: number } {
  const options: Record<string, unknown> = verb.opts();
  const names = verb.options.filter((option) => shared.has(option)).map((option) => option.attributeName());
  const taken = Object.fromEntries(names.map((name) => [name, options[name]]));
  for (const name of names) delete options[name];
  return taken;
}

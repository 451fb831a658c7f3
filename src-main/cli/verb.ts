import type { Command } from "commander";
import type { Session } from "./session";

/** What a verb hands out: the one JSON document of `--json`, or its text for people. */
export interface Outcome {
  json: unknown;
  text: string;
}

/** Runs a verb's work with an engine and prints its outcome. */
export type Perform = (work: (session: Session) => Promise<Outcome>) => Promise<void>;

/** A new verb with an example at the end of its help. */
export function addVerb(parent: Command, usage: string, description: string, example: string): Command {
  return parent.command(usage).description(description).addHelpText("after", `\nExample:\n  ${example}`);
}

/** Adds the options that every verb has, after its own. */
export function addCommonOptions(command: Command): void {
  if (command.commands.length > 0) command.commands.forEach(addCommonOptions);
  else command.option("--json", "print one JSON document on standard output").option("--debug", "on failure, show details");
}

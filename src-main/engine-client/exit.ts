import type { EngineEnd } from "../contract/engine";

const CAUSES: Partial<Record<number, string>> = {
  4: "it ran an instruction that this processor does not have",
  6: "an internal check failed",
  7: "a memory fault, often a full disk under a mapped file",
  9: "it was killed from outside, most often because memory ran out: try a smaller batch size",
  11: "a memory fault",
  15: "it was killed from outside",
};

/** Why an engine process is gone. `status`: "exit code 3", "signal SIGSEGV"; `signal`: its number on Linux and macOS, if it was one. */
export function engineEnd({ status, signal, errors }: { status: string; signal: number | null; errors: string }): EngineEnd {
  const cause = signal === null ? lastError(errors) : CAUSES[signal];
  return {
    message: `the engine ended unexpectedly (${status})${cause ? `: ${cause}` : ""}. A run continues from its last checkpoint when it is resumed.`,
    details: errors.trim(),
  };
}

/** The message of the error that a process printed before it ended. */
function lastError(errors: string): string | undefined {
  return [...errors.matchAll(/^\w*Error(?: \[\w+\])?: (.+)$/gm)].at(-1)?.[1];
}

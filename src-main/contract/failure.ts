import { visible } from "./visible";

/** An error as plain data. `code` is stable; `message` names the thing, says what was expected, what came and what to do. */
export interface Failure {
  code:
    | "USAGE"
    | "INPUT"
    | "HELD"
    | "PERHAPS_HELD"
    | "OUT_OF_MEMORY"
    | "CUDA_OUT_OF_MEMORY"
    | "CUDA_ERROR"
    | "CUDA_UNAVAILABLE"
    | "INTERRUPTED"
    | "DIVERGED"
    | "ENGINE_DIED"
    | "DISCONNECTED"
    | "INTERNAL";
  message: string;
  details?: string;
}

type Code = Failure["code"];

/** One line, or several. */
type Message = string | readonly string[];

/**
 * An error whose message is meant for the user: it names the thing, says what was expected, what came and what to do. Wherever it is shown, names in
 * it are harmless: only a list of texts makes several lines.
 */
class CodedError extends Error {
  constructor(
    readonly code: Code,
    message: Message,
    options?: ErrorOptions,
  ) {
    super(typeof message === "string" ? visible(message) : message.map(visible).join("\n"), options);
    this.name = code;
  }
}

/** A file, folder, weights or recipe value that cannot be used as it is. */
export class InputError extends CodedError {
  constructor(message: Message, options?: ErrorOptions) {
    super("INPUT", message, options);
  }
}

/** A call, flag or recipe key that does not exist or is of the wrong kind. */
export class UsageError extends CodedError {
  constructor(message: Message, options?: ErrorOptions) {
    super("USAGE", message, options);
  }
}

/** Another process trains the run. */
export class Held extends CodedError {
  constructor(message: string) {
    super("HELD", message);
  }
}

/** Another process may train the run, where this one cannot look: a person decides, by `takeOver`. */
export class PerhapsHeld extends CodedError {
  constructor(message: string) {
    super("PERHAPS_HELD", message);
  }
}

/** Stopped on request; the work done so far is in a checkpoint. */
export class Interrupted extends CodedError {
  constructor(message: string) {
    super("INTERRUPTED", message);
  }
}

/** The loss is no longer a finite number, so that training cannot continue with these settings. */
export class Diverged extends CodedError {
  constructor(message: string) {
    super("DIVERGED", message);
  }
}

/** The GPU was requested and cannot be used; the message says why. */
export class CudaUnavailable extends CodedError {
  constructor(message: string) {
    super("CUDA_UNAVAILABLE", message);
  }
}

const CODES: Record<Code, true> = {
  USAGE: true,
  INPUT: true,
  HELD: true,
  PERHAPS_HELD: true,
  OUT_OF_MEMORY: true,
  CUDA_OUT_OF_MEMORY: true,
  CUDA_ERROR: true,
  CUDA_UNAVAILABLE: true,
  INTERRUPTED: true,
  DIVERGED: true,
  ENGINE_DIED: true,
  DISCONNECTED: true,
  INTERNAL: true,
};

/** Whether the GPU failed so badly that nothing works on it in this process any more. */
export function isDeviceLost(thrown: unknown): boolean {
  return (Object(thrown) as { code?: unknown }).code === "CUDA_LOST";
}

/** Any thrown value as plain data: errors with one of our codes keep it, the system's become INPUT, all others INTERNAL with their stack. */
export function toFailure(thrown: unknown): Failure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && Object.hasOwn(CODES, code)) return { code: code as Code, message: error.message };
  // What the system refuses (a full disk, a folder without permission) is not this program's fault; Node's message names the call and the path.
  if ("syscall" in error) return { code: "INPUT", message: visible(error.message) };
  return { code: "INTERNAL", message: visible(error.message), details: error.stack };
}

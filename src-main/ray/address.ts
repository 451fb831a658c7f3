import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { InputError, UsageError } from "../contract/failure";

/** The port of a head's dashboard, which also answers for its jobs. */
const PORT = "8265";

/** Where a cluster's head answers: http://host:8265. Throws a UsageError for anything but ray://host, rays://host (TLS), http:// and https://. */
export function headAddress(text: string): URL {
  const match = /^(rays?|https?):\/\/([^/?#@]+)\/?$/.exec(text.trim());
  const [, scheme = "", host = ""] = match ?? [];
  try {
    const url = new URL(`${scheme === "rays" || scheme === "https" ? "https" : "http"}://${host}`);
    if (match && !/:\d+$/.test(host)) url.port = PORT;
    if (match) return url;
  } catch {}
  throw new UsageError(`--on ${text}: expected the head of a Ray cluster and the port of its dashboard, as in ray://head.example:${PORT}`);
}

/** The token by which a cluster knows its users, from where Ray's own programs take it: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token. */
export function tokenFrom(environment: NodeJS.ProcessEnv = process.env): string | null {
  const given = environment.RAY_AUTH_TOKEN?.trim();
  if (given) return checked(given, "the environment variable RAY_AUTH_TOKEN");
  const named = environment.RAY_AUTH_TOKEN_PATH?.trim();
  const file = named || join(homedir(), ".ray", "auth_token");
  if (!named && !existsSync(file)) return null;
  try {
    return checked(readFileSync(file, "utf8").trim(), file);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${file}, where RAY_AUTH_TOKEN_PATH says that the cluster's token is, cannot be read (${(cause as Error).message})`, { cause });
  }
}

/** Without showing it: an error may be read by others. */
function checked(token: string, where: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new InputError(`${where}: expected a token of the Ray cluster, in one line without spaces`);
}

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** The hash of a file's bytes, in hexadecimal; `prefix`: what is hashed before them. Rejects if the file cannot be read. */
export async function digestOf(file: string, algorithm: "md5" | "sha1" | "sha256", prefix = ""): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

/** Where the hub is, and where its files are kept: the environment variables of Python's huggingface_hub. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { hubEndpoint } from "../contract/hub-path";

export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  endpoint: string;
  /** Folder of models--owner--name. */
  cache: string;
  /** null: none. */
  token: string | null;
  /** Only what the cache has. */
  isOffline: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function hubSettings(environment: Environment = process.env): HubSettings {
  const { HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME, HF_HUB_OFFLINE } = environment;
  const home = expanded(HF_HOME) ?? join(expanded(XDG_CACHE_HOME) ?? join(homedir(), ".cache"), "huggingface");
  return {
    endpoint: hubEndpoint(environment),
    cache: expanded(HF_HUB_CACHE) ?? expanded(HUGGINGFACE_HUB_CACHE) ?? join(home, "hub"),
    token: tokenOf(environment, home),
    isOffline: /^(1|on|yes|true)$/i.test(HF_HUB_OFFLINE ?? ""),
  };
}

function tokenOf({ HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN }: Environment, home: string): string | null {
  const given = HF_TOKEN || HUGGING_FACE_HUB_TOKEN;
  if (given) return given.trim();
  if (/^(1|on|yes|true)$/i.test(HF_HUB_DISABLE_IMPLICIT_TOKEN ?? "")) return null;
  try {
    return readFileSync(expanded(HF_TOKEN_PATH) ?? join(home, "token"), "utf8").trim() || null;
  } catch {
    // Most people have none.
    return null;
  }
}

function expanded(path: string | undefined): string | undefined {
  return path ? resolve(path.replace(/^~(?=$|[\\/])/, homedir())) : undefined;
}

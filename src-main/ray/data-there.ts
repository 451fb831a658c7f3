/** Where the nodes of a cluster have the data: in a folder that all of them see, or on a server from which each downloads them. */
import { UsageError } from "../contract/failure";
import { request } from "../download/request";
import { webAddress } from "../download/web-address";

/** An archive of data on a web server. */
export interface RemoteData {
  /** Without the checksum. */
  url: string;
  /** In hexadecimal; null: whatever comes is taken. */
  sha256: string | null;
}

/** null: the text is the path of a folder. Throws a UsageError for an address that cannot be used. */
export function remoteData(text: string): RemoteData | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return null;
  const refused = (why: string) => new UsageError(`--data-there ${withoutSecrets(text)}: ${why}`);
  const url = webAddress(text);
  if (!url || !["http:", "https:"].includes(url.protocol))
    throw refused("expected a folder that all nodes see, or an address that begins with https:// or http://");
  if (url.username || url.password)
    throw refused("leave name and password out: all users of the cluster see the address; use one that is signed for a while instead");
  const fragment = url.hash;
  url.hash = "";
  if (fragment === "") return { url: url.href, sha256: null };
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1]?.toLowerCase();
  if (sha256 === undefined) throw refused(`expected #sha256= and 64 hexadecimal digits after the address, got "${fragment}"`);
  return { url: url.href, sha256 };
}

const withoutSecrets = (text: string) => text.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1");

/** How long this computer waits for a server that may be there for the nodes alone. */
const PATIENCE_MS = 5000;

/** What speaks against an address, seen from here, in words; null: nothing. */
export async function doubtOf({ url }: RemoteData): Promise<string | null> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const { headers, body } = await request(url, { signal: patience.signal });
    body.destroy();
    return headers["content-type"]?.startsWith("text/html") ? `${url} answers with a web page, and an archive is expected` : null;
  } catch (error) {
    return patience.signal.aborted ? `${url} did not answer within ${PATIENCE_MS / 1000} s` : (error as Error).message;
  } finally {
    clearTimeout(timer);
  }
}

import { BlockList, isIP } from "node:net";
import { InputError } from "../contract/failure";
import { webAddress } from "./web-address";

/** A proxy, and the environment variable that names it. */
export interface WebProxy {
  /** Without name and password. */
  url: URL;
  variable: string;
  /** "name:password" for a proxy that asks for them; or "". */
  user: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for an address, null for none: HTTPS_PROXY or HTTP_PROXY by the address's scheme, else ALL_PROXY; none for
 * the hosts in NO_PROXY. Lower case counts first, as for curl. Throws an InputError for a proxy of another kind than HTTP.
 */
export function proxyFor(address: URL, environment: Environment = process.env): WebProxy | null {
  const found = firstOf([`${address.protocol.slice(0, -1)}_proxy`, "all_proxy"], environment);
  if (!found || isExempt(address, firstOf(["no_proxy"], environment)?.value ?? "")) return null;
  const url = parsed(found);
  const user = url.username ? `${decoded(url.username)}:${decoded(url.password)}` : "";
  url.username = url.password = "";
  return { url, variable: found.name, user };
}

/** What a proxy that asks for a name and a password is sent, as headers. */
export function authorizationFor({ user }: WebProxy): Record<string, string> {
  return user === "" ? {} : { "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}` };
}

interface Variable {
  name: string;
  value: string;
}

function firstOf(names: string[], environment: Environment): Variable | undefined {
  return names
    .flatMap((name) => [name, name.toUpperCase()])
    .map((name) => ({ name, value: environment[name]?.trim() ?? "" }))
    .find(({ value }) => value !== "");
}

/** A lone % stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** "host:port" stands for http://host:port. */
function parsed({ name, value }: Variable): URL {
  const text = value.includes("://") ? value : `http://${value}`;
  const url = webAddress(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  // The value may hold a password.
  throw new InputError(
    `the environment variable ${name} names no HTTP proxy: expected http://host:port${url ? `, got one of the kind ${url.protocol}//` : ""}`,
  );
}

// ---- NO_PROXY ---------------------------------------------------------------------------------------------------------------------

/** Entries are "*", a host, which stands for its subdomains too, an IP address, or a range of addresses such as 10.0.0.0/8; a port may follow a host. */
function isExempt(address: URL, list: string): boolean {
  const host = plain(address.hostname);
  const port = address.port || (address.protocol === "https:" ? "443" : "80");
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => entry === "*" || matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry.includes("/")) return isInRange(entry, host);
  if (isIP(plain(entry))) return plain(entry) === host;
  const [name, ofPort] = splitPort(entry);
  if (ofPort !== undefined && ofPort !== port) return false;
  const domain = plain(name).replace(/^\*?\./, "");
  return host === domain || (!isIP(host) && host.endsWith(`.${domain}`));
}

/** An IPv6 address without its brackets; a name without the dot that ends it. */
const plain = (host: string) =>
  host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");

function splitPort(entry: string): [name: string, port?: string] {
  const [, name, port] = /^(.*):(\d+)$/.exec(entry) ?? [];
  return name === undefined ? [entry] : [name, port];
}

function isInRange(entry: string, host: string): boolean {
  const [network = "", bits = ""] = entry.split("/");
  const version = isIP(plain(network));
  if (version === 0 || version !== isIP(host) || !/^\d+$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const range = new BlockList();
  range.addSubnet(plain(network), Number(bits), family);
  return range.check(host, family);
}

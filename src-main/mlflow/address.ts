/** Which tracking server is meant, and as whom it is asked: an address, and the environment variables of MLflow's own client. */
import { readFileSync } from "node:fs";
import { InputError, UsageError } from "../contract/failure";
import type { Trust } from "../download/request";
import { webAddress } from "../download/web-address";

export interface Tracking {
  /** Without name and password, without a slash at its end. */
  address: string;
  headers: Record<string, string>;
  trust: Trust;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `given`: an address; null: the one in MLFLOW_TRACKING_URI. `option` is what a person would write it after. Throws a UsageError if it is no address of a server. */
export function trackingServer(given: string | null, option: string, environment: Environment = process.env): Tracking {
  const text = (given ?? environment.MLFLOW_TRACKING_URI ?? "").trim();
  const where = given === null ? "the environment variable MLFLOW_TRACKING_URI" : option;
  if (text === "") throw new UsageError(`${option}: expected the address of an MLflow server, as in http://127.0.0.1:5000, here or in MLFLOW_TRACKING_URI`);
  const url = webAddress(text);
  // The text may hold a password.
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new UsageError(
      `${where}: expected an address that begins with http:// or https://, of a running "mlflow server"; folders and databases are written by such a server alone`,
    );
  const { username, password } = url;
  url.username = url.password = url.search = url.hash = "";
  return { address: url.href.replace(/\/+$/, ""), headers: identity(username, password, environment), trust: trustIn(environment) };
}

/** As MLflow's client does: name and password before a token. */
function identity(username: string, password: string, environment: Environment): Record<string, string> {
  const { MLFLOW_TRACKING_USERNAME: name, MLFLOW_TRACKING_PASSWORD: secret, MLFLOW_TRACKING_TOKEN: token, MLFLOW_WORKSPACE: workspace } = environment;
  const basic = (user: string, pass: string) => `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
  const own = username ? basic(decodeURIComponent(username), decodeURIComponent(password)) : null;
  const authorization = name && secret ? basic(name, secret) : token ? `Bearer ${token.trim()}` : own;
  return { ...(authorization && { authorization }), ...(workspace && { "x-mlflow-workspace": workspace }) };
}

function trustIn({ MLFLOW_TRACKING_INSECURE_TLS: insecure, MLFLOW_TRACKING_SERVER_CERT_PATH: path }: Environment): Trust {
  if (/^(1|true)$/i.test(insecure ?? "")) return { rejectUnauthorized: false };
  if (!path) return {};
  try {
    return { ca: readFileSync(path) };
  } catch (cause) {
    throw new InputError(`${path}, where MLFLOW_TRACKING_SERVER_CERT_PATH says that the server's certificate is, cannot be read`, { cause });
  }
}

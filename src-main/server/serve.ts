import { statSync } from "node:fs";
import path from "node:path";
import { InputError, UsageError } from "../contract/failure";
import { isHubPath } from "../contract/hub-path";
import { makeFolder } from "../disk/make-folder";
import { naming } from "../disk/open-file";
import type { EngineChannel } from "../engine-client/channel";
import { OwnedEngine, type OwnedProcess } from "../engine-client/owned";
import { Memory } from "../host/memory";
import { Preferences } from "../host/preferences";
import { Deliveries } from "./deliveries";
import { FEWEST_CHARACTERS, newToken } from "./gate";
import { Roots } from "./roots";
import { Server, type Options as ServerOptions } from "./server";

interface Options extends Pick<ServerOptions, "root" | "runsDirectory" | "allowsHub" | "address" | "port" | "ports" | "names"> {
  /** Folders that may be picked from. */
  roots: readonly string[];
  preferencesFile: string;
  /** null: a new one. */
  token: string | null;
  startEngine(): OwnedProcess<EngineChannel>;
}

export interface Served {
  port: number;
  token: string;
  /** Ends the server once the run under way has its checkpoint. */
  leave(): Promise<void>;
  /** Ends the engine at once; `leave` then resolves. */
  kill(): void;
}

/** Serves pages until it is asked to leave. Throws an error with what to do if it cannot. */
export async function serve({ roots: folders, preferencesFile, token: given, startEngine, ...options }: Options): Promise<Served> {
  const token = given ?? newToken();
  if (token.length < FEWEST_CHARACTERS)
    throw new UsageError(
      `the token has ${token.length} characters, expected ${FEWEST_CHARACTERS} or more, which nobody guesses: openssl rand -hex 32 makes one`,
    );
  if (!/^[\w.~-]+$/.test(token)) throw new UsageError("the token has characters that an address cannot have as they are: expected letters, digits and - . _ ~");
  if (statSync(options.runsDirectory, { throwIfNoEntry: false })?.isFile())
    throw new InputError(`${options.runsDirectory} is a file: expected the folder of runs`);
  naming(options.runsDirectory, "written", () => makeFolder(options.runsDirectory));
  const engine = new OwnedEngine(startEngine);
  const preferences = new Preferences(preferencesFile);
  const roots = new Roots(folders);
  const memory = new Memory(preferences, engine, (chosen) => (isHubPath(chosen) ? options.allowsHub : roots.allow(chosen)));
  const deliveries = new Deliveries();
  const page = path.join(options.root, "out/renderer");
  const server = await Server.start({ ...options, token, engine, preferences, memory, roots, deliveries, page }).catch((error: NodeJS.ErrnoException) => {
    throw cannotListen(error, options);
  });
  return {
    port: server.port,
    token,
    leave: async () => {
      server.announceEnd();
      await engine.leave();
      server.close();
    },
    kill: () => engine.kill(),
  };
}

function cannotListen(error: NodeJS.ErrnoException, { address, port, ports }: Pick<Options, "address" | "port" | "ports">): Error {
  const tried = ports > 1 ? `the ports ${port} to ${port + ports - 1} are` : `port ${port} is`;
  if (error.code === "EADDRINUSE") return new UsageError(`${tried} taken on ${address}: choose another with --port`);
  if (error.code === "EACCES") return new UsageError(`port ${port} is kept for the system: choose one from 1024 on with --port`);
  return new InputError(`the server cannot listen on ${address}, port ${port}: ${error.message}`);
}

/** The page's only way out: calls to the program around it, and a connection to the engine. */
import type { EngineEnd } from "../src-main/contract/engine";
import { type Command, ENGINE_PORT, HOST_CALLS, type Host, type HostAnswer, type HostCall, type HostCalls } from "../src-main/contract/host";
import { portChannel } from "../src-main/engine-client/channel";
import { EngineClient } from "../src-main/engine-client/client";

declare global {
  interface Window {
    host: Host<File>;
  }
}

type Calls = { [Name in HostCall]: (...args: HostCalls[Name]["args"]) => Promise<HostCalls[Name]["result"]> };

/** What the surroundings of the page can do. */
export interface Abilities {
  /** Show a file in the system's file manager, and open one in its program. */
  reveal: boolean;
  /** Make a PDF or a picture of a report. */
  print: boolean;
  /** Hand a dropped file's path to the engine: it is on the engine's computer. */
  paths: boolean;
}

/** The connection to a server. lost: it is being tried again; signedOut: the server does not know this browser any more. */
export type ConnectionState = "there" | "lost" | "signedOut";

/** A browser's way into and out of a server. */
export interface SignIn {
  /** Asks for the token. */
  signIn(): Promise<void>;
  /** Rejects if the server does not answer. */
  signOut(): Promise<void>;
}

export interface Bridge extends Omit<Calls, "connectEngine"> {
  readonly can: Abilities;
  /** Null in the app, which has a menu of its own around the page. */
  readonly server: SignIn | null;
  /** The images that the user picks to predict: a path for the engine, or files of the user's own computer; null if none. */
  chooseImages(): Promise<{ path: string } | { files: File[] } | null>;
  /** A window has started a new engine in place of one that ended. */
  onEngineStarted(listener: () => void): void;
  /** Another window has started a run. */
  onRunStarted(listener: () => void): void;
  onConnection(listener: (state: ConnectionState) => void): void;
  /** The connection to the server is there again, after it was lost. */
  onAgain(listener: () => void): void;
  /** The engine, ready to be called. `onDeath` is called when it ends unexpectedly. */
  connectEngine(onDeath: (end: EngineEnd) => void): Promise<EngineClient>;
  pathForFile(file: File): Promise<string>;
  onCommand(listener: (command: Command) => void): () => void;
  onEnding(listener: () => void): () => void;
}

export function desktopBridge(host: Host<File> = window.host): Bridge {
  const calls = Object.fromEntries(
    HOST_CALLS.map((name) => [name, (...args: never[]) => unwrapped((host[name] as (...args: never[]) => Promise<HostAnswer>)(...args))]),
  );
  const { connectEngine, ...others } = calls as unknown as Calls;
  return {
    ...others,
    can: { reveal: true, print: true, paths: true },
    server: null,
    chooseImages: async () => {
      const path = await others.chooseFile("image");
      return path === null ? null : { path };
    },
    // There is one window, and the connection lasts as long.
    onEngineStarted: () => {},
    onRunStarted: () => {},
    onConnection: () => {},
    onAgain: () => {},
    pathForFile: host.pathForFile,
    onCommand: host.onCommand,
    onEnding: host.onEnding,
    connectEngine: async (onDeath) => {
      const port = nextEnginePort();
      await connectEngine();
      const channel = portChannel(await port);
      const unsubscribe = host.onEngineExit((end) => {
        unsubscribe();
        channel.ended(end);
        onDeath(end);
      });
      return EngineClient.connect(channel);
    },
  };
}

export async function unwrapped(answer: Promise<HostAnswer>): Promise<unknown> {
  const settled = await answer;
  if (settled.ok) return settled.value;
  throw new Error(settled.message);
}

function nextEnginePort(): Promise<MessagePort> {
  return new Promise((resolve) => {
    const receive = ({ source, data, ports: [port] }: MessageEvent) => {
      if (source !== window || data !== ENGINE_PORT || !port) return;
      window.removeEventListener("message", receive);
      resolve(port);
    };
    window.addEventListener("message", receive);
  });
}

import { Writable } from "node:stream";
import { run } from "../../src-main/cli/program";
import type { InterruptedBy, World } from "../../src-main/cli/world";
import type { Call, EngineEnd, Method, Methods } from "../../src-main/contract/engine";
import { PROTOCOL } from "../../src-main/contract/engine";
import { toFailure } from "../../src-main/contract/failure";
import type { Notice } from "../../src-main/contract/notices";
import { NOTHING_SAID } from "../../src-main/contract/run-folder";
import type { EngineChannel, Incoming } from "../../src-main/engine-client/channel";

type Handlers = { [M in Method]?: (params: Methods[M]["params"], notify: (notice: Notice extends infer N ? Omit<N, "id"> : never) => void) => unknown };

/** A run starts in the folder that was asked for. */
const BY_DEFAULT: Handlers = {
  start: ({ out }) => ({ run: "1", directory: out }),
  listMade: () => [],
  listFolders: () => [],
  aboutRun: () => NOTHING_SAID,
  comparison: () => null,
};

export interface Run {
  status: number;
  out: string;
  err: string;
  /** The calls that the engine received, without the handshake. */
  calls: { method: Method; params: unknown }[];
}

export interface RunOptions {
  cwd?: string;
  program?: readonly string[];
  /** The folder of the program, for what is sent of it. */
  root?: string;
  isTTY?: boolean;
  /** Width of the terminal. */
  columns?: number;
  /** Seconds by which the clock moves on each time it is read. */
  tick?: number;
  /** Receives functions that press Ctrl-C, or end the terminal, and end the engine. */
  during?: (hands: { interrupt(by?: InterruptedBy): void; die(end: EngineEnd): void }) => void;
}

/** Runs the command line in this process, with an engine that `handlers` define. */
export async function runWith(
  handlers: Handlers,
  args: readonly string[],
  { cwd = "/nowhere", program = ["npx", "distill"], root = "/nowhere", isTTY = false, columns = 120, tick = 0, during }: RunOptions = {},
): Promise<Run> {
  const written = { out: "", err: "" };
  const calls: Run["calls"] = [];
  let interrupt: (by: InterruptedBy) => void = () => {};
  let die: (end: EngineEnd) => void = () => {};
  let time = new Date(2026, 10, 24, 12, 0, 0).getTime();

  const channel = (): EngineChannel => {
    let listener: (message: Incoming) => void = () => {};
    const receive = async ({ id, method, params }: Call) => {
      const answer = (message: object) => listener({ id, ...message } as Incoming);
      if (method === "hello") return answer({ ok: true, result: { protocol: PROTOCOL, version: "test" } });
      calls.push({ method, params });
      try {
        const handler = (handlers[method] ?? BY_DEFAULT[method]) as (params: unknown, notify: (notice: object) => void) => unknown;
        answer({ ok: true, result: await handler(params, answer) });
      } catch (error) {
        answer({ ok: false, error: toFailure(error) });
      }
    };
    return {
      post: (call) => void receive(structuredClone(call)),
      onMessage: (each) => {
        listener = each;
      },
      onClose: (each) => {
        die = each;
      },
      close: () => {},
    };
  };

  const err = new Writable({
    write(chunk, _, done) {
      written.err += chunk;
      done();
    },
  });
  const world: World = {
    cwd,
    program,
    root,
    now: () => {
      time += 1000 * tick;
      return new Date(time);
    },
    writeOut: (text) => {
      written.out += text;
    },
    err: Object.assign(err, { isTTY, columns }),
    onInterrupt: (each) => {
      interrupt = each;
      return () => {};
    },
    startEngine: channel,
    startOwnedEngine: () => {
      throw new Error("no verb but serve starts it");
    },
    print: async (write) => void (await write("/tmp/page.html")),
  };
  during?.({ interrupt: (by = "keyboard") => interrupt(by), die: (end) => die(end) });
  const status = await run(args, world);
  return { status, ...written, calls };
}

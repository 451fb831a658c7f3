import { runsInArguments } from "../contract/owner";
import type { RunOwner } from "../contract/run";
import type { ClientChannel, Connections, Parent } from "./channel";
import { numberedConnections } from "./numbered";
import { Permits } from "./permits";
import { type Port, portConnections } from "./ports";

/** Whoever started this process: Electron's `utilityProcess.fork`, or Node's `fork`, by the server or the command line. */
export function parent(): Parent {
  const { parentPort } = process as unknown as { parentPort?: Port };
  const runs = runsInArguments(process.argv);
  if (parentPort && runs !== null) return withPages("app", portConnections(parentPort), runs);
  if (process.send) return runs === null ? terminal() : withPages("server", numberedConnections(), runs);
  throw new Error("the engine is started by the app or the command line, not by hand");
}

/** The command line is its engine's only client. */
function terminal(): Parent {
  return {
    program: "command line",
    permits: null,
    onClient: (serve) => serve(processChannel(), "terminal"),
    onLeave: (leave) => process.on("disconnect", leave),
    onTrainingAsked: () => {},
  };
}

function processChannel(): ClientChannel {
  return {
    // "disconnect" reports a parent that is gone; failing to reach it is not an error.
    post: (message) => void (process.connected && process.send?.(message, undefined, undefined, () => {})),
    onMessage: (listener) => process.on("message", listener),
    onClose: (listener) => process.on("disconnect", listener),
  };
}

function withPages(program: RunOwner["program"], connections: Connections, runsDirectory: string): Parent {
  const permits = new Permits(runsDirectory);
  let leave = () => {};
  let isTraining = () => false;
  connections.onOwner((message) => {
    if (message.type === "leave") leave();
    if (message.type === "grant") permits.grant(message.path, message.access);
    return message.type === "leave" ? null : { id: message.id, training: isTraining() };
  });
  return {
    program,
    permits,
    onClient: (serve) => connections.onPage((page) => serve(page, "page")),
    onLeave: (each) => {
      leave = each;
      connections.onGone(each);
    },
    onTrainingAsked: (each) => {
      isTraining = each;
    },
  };
}

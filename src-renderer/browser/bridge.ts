/** The page's way out in a browser: to `distill serve`, on another computer perhaps. What the desktop's dialogs do, dialogs of the page do. */
import { leftOutTable } from "../../src-main/contract/csv";
import { exportFormatNamed } from "../../src-main/contract/exports";
import type { ReportFormat } from "../../src-main/contract/host";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { type ServerCall, type ServerCalls, SIGN_IN_PATH } from "../../src-main/contract/served";
import type { EngineChannel } from "../../src-main/engine-client/channel";
import { EngineClient } from "../../src-main/engine-client/client";
import { type Bridge, unwrapped } from "../bridge";
import { Connection } from "./connection";
import { pick } from "./pick";
import { showActivity, tellEnd } from "./progress";
import { applyTheme } from "./theme";

export type Server = { [Name in ServerCall]: (...args: ServerCalls[Name]["args"]) => Promise<ServerCalls[Name]["result"]> };

export function browserBridge(): Bridge {
  // The line that the server prints, opened once more: the page that takes the token takes it out of the address, too.
  if (location.hash.startsWith("#token=")) location.replace(`${SIGN_IN_PATH}${location.hash}`);
  const connection = new Connection();
  const server = new Proxy({} as Server, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        unwrapped(connection.ask(name as string, args)),
  });
  return {
    can: { reveal: false, print: false, paths: false },
    environment: async () => {
      const environment = await server.environment();
      applyTheme(environment.theme);
      return environment;
    },
    allowHub: (typed) => server.allowHub(typed),
    setLesson: (isOpen) => server.setLesson(isOpen),
    setTheme: async (theme) => {
      applyTheme(theme);
      return server.setTheme(theme);
    },
    rememberData: (folder) => server.rememberData(folder),
    rememberForm: (form) => server.rememberForm(form),

    connectEngine: async (onDeath) => {
      await server.connectEngine();
      const channel = engineOver(connection, onDeath);
      return EngineClient.connect(channel);
    },

    chooseFolder: async (purpose) => pathOf(await pick(server, { kind: "folder", purpose })),
    chooseFile: async (of) => pathOf(await pick(server, { kind: "file", of })),
    chooseImages: () => pick(server, { kind: "file", of: "image" }),
    chooseModelPlace: async (format, name) => pathOf(await pick(server, { kind: "model", format }, `${name}${exportFormatNamed(format).ending ?? ""}`)),

    chooseReportFile: async (format, name) => {
      const file = await server.reportFile(format as ReportFormat, name);
      return { chosen: file, written: file };
    },
    printReport: () => Promise.reject(new Error("The server has no browser to print with: open the web page, and print that.")),
    // A page with a report is opened beside this one; every other file is saved.
    openReport: async (path) => open(await server.linkTo(path), path.endsWith(".html")),
    reveal: async (path) => open(await server.linkTo(path), false),

    saveRecipe: async (given) => {
      const recipe = parseRecipe(given);
      const name = `${recipe.name.replace(/[^\p{L}\p{N} _.-]/gu, "-")}.distill`;
      return save(name, "application/json", `${JSON.stringify(recipe, null, 2)}\n`);
    },
    saveLeftOut: async (files) => save("left-out.csv", "text/csv", leftOutTable(files)),

    takeOpened: async () => null,
    // What is dropped is on the user's computer, and the engine perhaps on another.
    pathForFile: async () => "",
    // A browser has its own menu.
    onCommand: () => () => {},
    onEnding: (listener) => {
      connection.onEnding = listener;
      return () => {};
    },
    onRunStarted: (listener) => {
      connection.onRunStarted = listener;
    },
    onConnection: (listener) => {
      connection.onState = listener;
    },
    runEnded: async (end) => tellEnd(end),
    setActivity: async (activity) => showActivity(activity),
  };
}

function engineOver(connection: Connection, onDeath: Parameters<Bridge["connectEngine"]>[0]): EngineChannel {
  return {
    post: (call) => connection.toEngine(call),
    onMessage: (listener) => {
      connection.onEngine = listener;
    },
    onClose: (listener) => {
      connection.onEngineEnded = (end) => {
        connection.onEngineEnded = () => {};
        listener(end);
        onDeath(end);
      };
    },
    close: () => {
      connection.onEngine = () => {};
    },
  };
}

const pathOf = (picked: Awaited<ReturnType<typeof pick>>): string | null => (picked && "path" in picked ? picked.path : null);

/** The browser saves a file on the user's computer, where it saves all. Returns its name. */
function save(name: string, type: string, text: string): string {
  const address = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  URL.revokeObjectURL(address);
  return name;
}

function open(address: string, beside: boolean): null {
  const link: HTMLAnchorElement = Object.assign(document.createElement("a"), { href: address });
  if (beside) Object.assign(link, { target: "_blank", rel: "noopener" });
  else link.download = "";
  link.click();
  return null;
}

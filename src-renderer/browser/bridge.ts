/** The page's way out in a browser: to `distill serve`, on another computer perhaps. What the desktop's dialogs do, dialogs of the page do. */
import { leftOutTable } from "../../src-main/contract/csv";
import type { EngineEnd } from "../../src-main/contract/engine";
import { exportFormatNamed } from "../../src-main/contract/exports";
import type { ReportFormat } from "../../src-main/contract/host";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { type ServerCall, type ServerCalls, SIGN_IN_PATH } from "../../src-main/contract/served";
import type { EngineChannel } from "../../src-main/engine-client/channel";
import { EngineClient } from "../../src-main/engine-client/client";
import { type Bridge, unwrapped } from "../bridge";
import { Connection } from "./connection";
import { listenToKeys, platform } from "./keys";
import { pick } from "./pick";
import { showActivity, tellEnd } from "./progress";
import { askForToken } from "./sign-in";
import { applyTheme } from "./theme";

export type Server = { [Name in ServerCall]: (...args: ServerCalls[Name]["args"]) => Promise<ServerCalls[Name]["result"]> };

export function browserBridge(): Bridge {
  // The line that the server prints, opened once more: the page that takes the token takes it out of the address, too.
  const takeToken = () => {
    if (location.hash.startsWith("#token=")) location.replace(`${SIGN_IN_PATH}${location.hash}`);
  };
  takeToken();
  // Pasted into a window that is open, it does not load the page anew.
  addEventListener("hashchange", takeToken);
  const connection = new Connection();
  const server = new Proxy({} as Server, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        unwrapped(connection.ask(name as string, args)),
  });
  /** Ends the calls of an earlier connection to the engine, which nobody answers any more. */
  let breakOff = () => {};
  return {
    can: { reveal: false, print: false, paths: false },
    server: {
      signIn: async () => askForToken(connection),
      signOut: () => connection.signOut().catch(stillSignedIn),
    },
    environment: async () => {
      const environment = await server.environment();
      applyTheme(environment.theme);
      return { ...environment, platform };
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
      breakOff();
      const channel = engineOver(connection, onDeath);
      breakOff = channel.breakOff;
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
    // A page with a report is opened beside this one; all else is saved, a folder as an archive.
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
    onCommand: listenToKeys,
    onEnding: (listener) => {
      connection.onEnding = listener;
      return () => {};
    },
    onEngineStarted: (listener) => {
      connection.onEngineStarted = listener;
    },
    onRunStarted: (listener) => {
      connection.onRunStarted = listener;
    },
    onConnection: (listener) => {
      connection.onState = listener;
    },
    onAgain: (listener) => {
      connection.onAgain = async () => ((await isSamePage()) ? listener() : location.reload());
    },
    runEnded: async (end) => tellEnd(end),
    setActivity: async (activity) => showActivity(activity),
  };
}

/** Whether the server has the page that is shown; another version of it has another. */
async function isSamePage(): Promise<boolean> {
  const page = await fetch("/").then(
    (answer) => answer.text(),
    () => null,
  );
  // Lost once more, it will be asked once more.
  return page === null || [...document.scripts].every(({ src }) => page.includes(src.slice(src.lastIndexOf("/") + 1)));
}

const BROKEN_OFF = { message: "the connection to the server broke before the answer came: do it once more", details: "", isDisconnection: true };

function engineOver(connection: Connection, onDeath: Parameters<Bridge["connectEngine"]>[0]): EngineChannel & { breakOff(): void } {
  let close: (end: EngineEnd) => void = () => {};
  return {
    breakOff: () => close(BROKEN_OFF),
    post: (call) => connection.toEngine(call),
    onMessage: (listener) => {
      connection.onEngine = listener;
    },
    onClose: (listener) => {
      close = listener;
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

function stillSignedIn(): never {
  throw new Error("The server does not answer, so it still knows this browser. Sign out once it is there again; when it ends, all browsers are signed out.");
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

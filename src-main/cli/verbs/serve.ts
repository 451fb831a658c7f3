import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import path from "node:path";
import { type Command, Option } from "commander";
import { UsageError } from "../../contract/failure";
import { MOST_THREADS } from "../../contract/threads";
import { EngineError } from "../../engine-client/client";
import { serve } from "../../server/serve";
import { collect, wholeNumber } from "../flags";
import { absolutePath } from "../paths";
import { addVerb, type Outcome, takeShared } from "../verb";
import type { World } from "../world";

/** Those that are tried if the first is taken and none was asked for. */
const PORT = 7860;
const PORTS = 20;
const TOKEN_VARIABLE = "DISTILL_TOKEN";

interface Options {
  port?: number;
  root: string[];
  runs?: string;
  tokenFile?: string;
  name: string[];
  address: string;
  behindTls?: true;
  hub?: true;
  open?: true;
  threads?: number;
}

/** The app's page in a browser. It prints where, and then serves until it is interrupted. */
export function addServe(program: Command, world: World, print: (outcome: Outcome) => void): void {
  addVerb(program, "serve", "serve the app's interface to a browser, here or through ssh", "serve --root data")
    .option("--port <number>", `port on this computer (default: the first free one from ${PORT}; 0: any free one)`, wholeNumber(0, 65535))
    .addOption(new Option("--root <dir>", "a folder that the browser may pick from; repeatable").argParser(collect).default([], "the working folder"))
    .option("--runs <dir>", "where runs are kept (default: runs in the working folder, or in DISTILL_HOME where that is set)")
    .option("--token-file <file>", `a file with the token, of 32 characters or more (default: ${TOKEN_VARIABLE}, or else a new one at each start)`)
    .addOption(
      new Option("--name <host>", "a name, with its port if it has one, by which a browser reaches this server through something in front of it; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .option("--address <ip>", "where it listens; another than this computer alone needs --behind-tls", "127.0.0.1")
    .option("--behind-tls", "I have set up TLS in front of this server, which encrypts what browsers send")
    .option("--hub", "let the browser download weights from the Hugging Face hub, of models that are typed there")
    .option("--open", "open the page in this computer's browser")
    .option("--threads <count>", "threads that compute (default: as doctor shows); no result depends on it", wholeNumber(1, MOST_THREADS))
    .action(async (options: Options, verb: Command) => {
      takeShared(verb);
      await run(options, world, print);
    });
}

async function run(options: Options, world: World, print: (outcome: Outcome) => void): Promise<void> {
  expectConfined(options);
  const home = process.env.DISTILL_HOME;
  const runsDirectory = options.runs === undefined ? path.join(home ?? world.cwd, "runs") : absolutePath(options.runs, world.cwd);
  const { roots, note } = rootsFor(options, world, runsDirectory);
  const token = tokenFor(options, world);
  const served = await serve({
    root: world.root,
    runsDirectory,
    roots,
    preferencesFile: path.join(home ? path.join(home, "settings") : settingsFolder(), "serve.json"),
    allowsHub: options.hub ?? false,
    token,
    address: options.address,
    port: options.port ?? PORT,
    ports: options.port === undefined ? PORTS : 1,
    names: options.name,
    startEngine: () => world.startOwnedEngine(runsDirectory, options.threads),
  });
  const ended = interruption(world, served);
  const { port } = served;
  const address = `${addressFor(options.name[0] ?? `127.0.0.1:${port}`)}/`;
  const withToken = `${address}#token=${served.token}`;
  // One that was given lasts, and what is printed may be kept: in a service's journal, for instance.
  const url = token === null ? withToken : address;
  const ssh = `ssh -L ${port}:127.0.0.1:${port} ${process.env.USER ?? "USER"}@${hostname()}`;
  print({ json: { url, port, token: token === null ? served.token : null, ssh, roots, runs: runsDirectory }, text: url });
  world.err.write(
    [
      token === null
        ? "Open that line in a browser. Whoever has it can use these files and train here."
        : `Open that line in a browser, and sign in there with the token of ${options.tokenFile ?? TOKEN_VARIABLE}. Whoever has it can use these files and train here.`,
      `From another computer, first in a terminal there: ${ssh}`,
      `Files are picked from ${roots.join(", ")}. Runs are kept in ${runsDirectory}.`,
      ...note,
      "Ctrl-C ends the server: a run under way stops with a checkpoint. Closing the browser ends nothing.\n",
    ].join("\n"),
  );
  if (options.open) openInBrowser(withToken, world);
  await ended;
}

/** Resolves never: rejects once the server has ended, as asked. */
async function interruption(world: World, served: Awaited<ReturnType<typeof serve>>): Promise<never> {
  let isForced = false;
  await new Promise<void>((resolve) => {
    let isAsked = false;
    const unsubscribe = world.onInterrupt(() => {
      isForced = isAsked;
      if (isAsked) served.kill();
      else {
        world.err.write("Stopping: a run under way writes its checkpoint first. Interrupt once more to stop at once.\n");
        served.leave().then(() => {
          unsubscribe();
          resolve();
        });
      }
      isAsked = true;
    });
  });
  throw new EngineError({ code: "INTERRUPTED", message: isForced ? "stopped at once, without a new checkpoint" : "the server has ended" });
}

/** What others could listen to is served only if a person says that they cannot. */
function expectConfined({ address, behindTls, name }: Options): void {
  for (const each of name)
    if (!/^[\w.-]+(:\d+)?$/.test(each))
      throw new UsageError(`--name ${each}: expected a name, with its port if it has one, as in studio.example or localhost:9000`);
  if (/^(127\.0\.0\.1|localhost)$/.test(address)) return;
  const instead =
    "Without it, anyone on the way could read the token and take over this server. From another computer, ssh is simpler and safe: leave --address out, and run ssh -L as it prints";
  if (!behindTls)
    throw new UsageError(
      `--address ${address}: other computers could connect, so say --behind-tls if something in front of this server encrypts (TLS). ${instead}`,
    );
  if (name.length === 0)
    throw new UsageError(`--address ${address}: say also by which name browsers reach what is in front of this server, as in --name studio.example`);
}

/** The home folder is served only if it is named: it has keys and passwords in it. */
function rootsFor({ root }: Options, { cwd }: World, runs: string): { roots: string[]; note: string[] } {
  if (root.length > 0) return { roots: [...new Set([...root.map((each) => absolutePath(each, cwd)), runs])], note: [] };
  if (path.resolve(cwd) === path.resolve(homedir()))
    return {
      roots: [runs],
      note: ["As this was started in the home folder, only the folder of runs is open to the browser: --root DIR names another, such as that of your data."],
    };
  return { roots: [...new Set([cwd, runs])], note: [] };
}

function tokenFor({ tokenFile }: Options, { cwd, err }: World): string | null {
  if (tokenFile === undefined) {
    const given = process.env[TOKEN_VARIABLE] ?? null;
    // The engine, and what it starts, need not have it.
    delete process.env[TOKEN_VARIABLE];
    return given;
  }
  const file = absolutePath(tokenFile, cwd);
  try {
    const { mode } = statSync(file);
    const token = readFileSync(file, "utf8").trim();
    if (process.platform !== "win32" && (mode & 0o077) !== 0)
      err.write(`warning: others on this computer may read the token in ${file}: chmod 600 keeps it yours\n`);
    return token;
  } catch (error) {
    throw new UsageError(`--token-file ${file}: expected a file with the token that this program can read (${error instanceof Error ? error.message : error})`);
  }
}

const addressFor = (name: string): string => `${/^(127\.0\.0\.1|localhost)(:|$)/.test(name) ? "http" : "https"}://${name}`;

/** Where the app keeps its settings, too. */
function settingsFolder(): string {
  const folders: Partial<Record<NodeJS.Platform, string | undefined>> = {
    win32: process.env.APPDATA,
    darwin: path.join(homedir(), "Library/Application Support"),
  };
  return path.join(folders[process.platform] ?? process.env.XDG_CONFIG_HOME ?? path.join(homedir(), ".config"), "Distill Studio");
}

/** A file that only this user can read: other users see what programs are started with. */
function pageThatOpens(url: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "distill-open-")), "open.html");
  writeFileSync(file, `<!doctype html><meta charset="utf-8"><title>Distill Studio</title><meta http-equiv="refresh" content="0; url=${url}">\n`, {
    mode: 0o600,
  });
  return file;
}

function openInBrowser(url: string, world: World): void {
  const program = process.platform === "darwin" ? "open" : process.platform === "win32" ? "explorer" : "xdg-open";
  const page = pageThatOpens(url);
  process.on("exit", () => rmSync(path.dirname(page), { recursive: true, force: true }));
  const child = spawn(program, [page], { stdio: "ignore", detached: true });
  child.on("error", () => world.err.write(`No browser could be opened (${program}): open the line by hand.\n`));
  child.unref();
}

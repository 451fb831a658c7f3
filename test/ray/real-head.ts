/**
 * A real head of Ray, where Python has it: in a network of its own with nothing but loopback, as a head listens on all addresses. It needs `unshare -n` and `nsenter`,
 * so Linux and root.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { PROGRAM } from "../cli/distill";
import { noPython, python } from "../python";

export const TOKEN = "0123456789abcdef0123456789abcdef";
export const ADDRESS = "ray://127.0.0.1:8265";
const GCS = 6399;
/** Where a head's agent listens, which gives out the logs of its node. */
const AGENT = 52365;
/** All processes of a node end with the one that was started. */
const OWN_PROCESSES = ["--pid", "--fork", "--kill-child", "--mount-proc"];

/** null if it can. */
export function whyNoRay(...modules: readonly string[]): string | null {
  if (spawnSync("unshare", ["-n", ...OWN_PROCESSES, "nsenter", "--version"]).status !== 0) return "this user cannot make a network of its own with unshare -n";
  return noPython("ray", "ray.dashboard", ...modules);
}

export interface Ended {
  status: number | null;
  out: string;
  err: string;
}

export interface RealHead {
  /** Holds `storage`, and what the program writes. */
  folder: string;
  /** Runs the program in the network of the head. */
  distill(args: readonly string[], onLine?: (line: string) => void, token?: string): Promise<Ended>;
  /** Serves the files of the folder, in the network of the head. */
  serve(port: number): void;
  /** Adds a node with so many processors, an address of its own (127.0.0.N) and its own folders. */
  addNode(processors: number): void;
  close(): Promise<void>;
}

/** `gpus`: so many as it says, whatever there is. */
export async function realHead(processors: number, gpus = 0): Promise<RealHead> {
  const folder = mkdtempSync(path.join(tmpdir(), "ray-"));
  for (const name of ["ray", "storage"]) mkdirSync(path.join(folder, name));
  const ray = `${python} -m ray.scripts.scripts start --block --disable-usage-stats`;
  const dashboard = `--include-dashboard true --dashboard-host 127.0.0.1 --dashboard-port 8265`;
  const start = `ip link set lo up && exec ${ray} --head --port ${GCS} ${dashboard} --num-cpus ${processors} --num-gpus ${gpus} --temp-dir ${path.join(folder, "ray")}`;
  const env = { ...process.env, RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: TOKEN };
  const nodes = [spawn("unshare", ["-n", ...OWN_PROCESSES, "sh", "-c", start], { env, stdio: "ignore" })];
  const others: ChildProcess[] = [];
  const network = [`--net=/proc/${nodes[0]!.pid}/ns/net`];

  const head: RealHead = {
    folder,
    distill(args, onLine = () => {}, token = TOKEN) {
      const child = spawn("nsenter", [...network, process.execPath, PROGRAM, ...args], { cwd: folder, env: { ...process.env, RAY_AUTH_TOKEN: token } });
      const ended = { out: "", err: "" };
      child.stdout.on("data", (text) => {
        ended.out += text;
      });
      createInterface({ input: child.stderr }).on("line", (line) => {
        ended.err += `${line}\n`;
        onLine(line);
      });
      return new Promise((resolve) => child.on("close", (status) => resolve({ status, ...ended })));
    },
    serve(port) {
      const server = [python, "-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", folder];
      others.push(spawn("nsenter", [...network, ...server], { stdio: "ignore" }));
    },
    addNode(processors) {
      const join = `--address 127.0.0.1:${GCS} --node-ip-address 127.0.0.${nodes.length + 1} --num-cpus ${processors} --dashboard-agent-listen-port ${AGENT + nodes.length}`;
      // Ray's files of a session lie at the same path on all nodes.
      const ownDisk = `mount -t tmpfs none ${path.join(folder, "ray")}`;
      nodes.push(spawn("nsenter", [...network, "unshare", ...OWN_PROCESSES, "sh", "-c", `${ownDisk} && exec ${ray} ${join}`], { env, stdio: "ignore" }));
    },
    async close() {
      await Promise.all(
        [...others, ...nodes].map((node) => {
          const ended = once(node, "exit");
          return node.exitCode === null && node.kill("SIGKILL") ? ended : null;
        }),
      );
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  for (;;) {
    if ((await head.distill(["doctor", "--on", ADDRESS])).status === 0) return head;
    if (nodes[0]!.exitCode !== null) throw new Error(`ray start ended with ${nodes[0]!.exitCode}`);
  }
}

/** A small recipe in a file of the head's folder. */
export function writeRecipe({ folder }: RealHead, recipe: object): string {
  writeFileSync(path.join(folder, "recipe.json"), JSON.stringify(recipe));
  return "recipe.json";
}

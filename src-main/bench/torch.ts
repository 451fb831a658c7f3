import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { InputError } from "../contract/failure";
import type { Benchmark } from "./benchmark";
import type { Side, Subject } from "./side";
// Part of the bundle, so that it is wherever the engine is.
import script from "./torch.py?raw";

/** How many characters of standard error to keep, to explain why the process ended. */
const KEPT = 2000;

/**
 * Lets PyTorch's idle threads sleep instead of spinning beside this engine's. On a machine that is busy with other programs this also makes
 * PyTorch much faster: otherwise spinning threads wait for one that has no processor.
 */
const QUIET = { OMP_WAIT_POLICY: "PASSIVE" };

/** PyTorch in a child process, which is restarted if a benchmark killed it. */
export class Torch implements Side {
  private constructor(
    private readonly python: string,
    private readonly threads: number,
    private child: TorchProcess,
  ) {}

  /** Throws an InputError if that Python cannot be started or has no PyTorch. */
  static async start(python: string, threads: number): Promise<Torch> {
    return new Torch(python, threads, await TorchProcess.start(python, threads));
  }

  get version(): string {
    return this.child.version;
  }

  get startMs(): number {
    return this.child.startMs;
  }

  async open(benchmark: Benchmark): Promise<Subject> {
    if (benchmark.measure === "memory") {
      const alone = await TorchProcess.start(this.python, this.threads);
      return subject(alone, benchmark, () => alone.close());
    }
    if (this.child.ended) this.child = await TorchProcess.start(this.python, this.threads);
    return subject(this.child, benchmark, () => {});
  }

  close(): void {
    this.child.close();
  }
}

async function subject(child: TorchProcess, benchmark: Benchmark, close: () => void): Promise<Subject> {
  try {
    const { seconds } = await child.ask<{ seconds: number }>({ open: benchmark.torch });
    return {
      first: seconds,
      time: async (repeats) => (await child.ask<{ seconds: number }>({ time: repeats })).seconds,
      setThreads: async (count) => void (await child.ask({ threads: count })),
      peakMemory: async () => (await child.ask<{ bytes: number }>({ memory: true })).bytes,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

type Answer = Record<string, unknown>;

/** One process that runs torch.py and answers one request at a time. */
class TorchProcess {
  version = "";
  startMs = 0;
  ended = false;
  #errors = "";
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null;

  private constructor(
    private readonly python: string,
    private readonly child: ChildProcessWithoutNullStreams,
  ) {
    child.stderr.on("data", (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-KEPT);
    });
    // A request to a process that has ended fails through its `close` event.
    child.stdin.on("error", () => {});
    createInterface({ input: child.stdout }).on("line", (line) => this.#take(line));
    child.on("error", (error) => this.#end(`cannot be started: ${error.message}`));
    child.on("close", (code, signal) => this.#end(`ended unexpectedly (${signal ?? `exit code ${code}`})${lastLine(this.#errors)}`));
  }

  static async start(python: string, threads: number): Promise<TorchProcess> {
    const begin = performance.now();
    const started = new TorchProcess(python, spawn(python, ["-c", script], { stdio: "pipe", env: { ...process.env, ...QUIET } }));
    const { torch } = await started.#answer();
    started.version = String(torch);
    started.startMs = performance.now() - begin;
    await started.ask({ threads });
    return started;
  }

  async ask<A extends object = object>(request: object): Promise<A> {
    const answer = this.#answer();
    if (this.ended) this.#end("has ended");
    else this.child.stdin.write(`${JSON.stringify(request)}\n`);
    return (await answer) as A;
  }

  close(): void {
    this.child.kill();
  }

  #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #take(line: string): void {
    const answer = JSON.parse(line) as Answer;
    const waiting = this.#waiting;
    this.#waiting = null;
    if ("error" in answer) waiting?.reject(new InputError(`PyTorch: ${answer.error}`));
    else waiting?.resolve(answer);
  }

  #end(reason: string): void {
    this.ended = true;
    const remedy = /No module named 'torch'|ENOENT/.test(reason) ? "; install PyTorch for it, or name another Python with --python" : "";
    this.#waiting?.reject(new InputError(`${this.python} ${reason}${remedy}`));
    this.#waiting = null;
  }
}

function lastLine(text: string): string {
  const line = text.trim().split("\n").at(-1);
  return line ? `: ${line}` : "";
}

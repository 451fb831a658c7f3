// A Python beside the tests, where there is one: nothing of the program needs it, and tests that do are skipped without.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Made by npm run python, and by npm test in CI. */
const made = join(import.meta.dirname, "../.cache/python");

/** The interpreter: that which DISTILL_PYTHON names, else the one in .cache/python, else python3. */
export const python = process.env.DISTILL_PYTHON ?? (existsSync(join(made, "complete")) ? join(made, "bin/python") : "python3");

/** Why tests that import these modules cannot run here; null if they can. */
export function noPython(...modules: readonly string[]): string | null {
  const notMade = process.env.DISTILL_NO_PYTHON;
  if (notMade) return notMade;
  const { error, status, stderr } = spawnSync(python, ["-c", `import ${modules.join(", ")}`], { encoding: "utf8" });
  if (error) return `${python} is not installed (npm run python installs one, or DISTILL_PYTHON names it)`;
  if (status === 0) return null;
  return `${python} cannot import ${modules.join(", ")}: ${stderr.trim().split("\n").at(-1)} (npm run python installs them, or DISTILL_PYTHON names another)`;
}

/** Starts a script that answers each line of JSON with one. */
export function answering(script: string, { paths = [] }: { paths?: readonly string[] } = {}) {
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, PYTHONPATH: paths.join(":"), HF_HUB_OFFLINE: "1" } });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors = `${errors}${chunk}`.slice(-4000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<Answer>(question: object): Promise<Answer> {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${script} ended: ${errors}`);
      return JSON.parse(value) as Answer;
    },
    end: () => child.stdin.end(),
  };
}

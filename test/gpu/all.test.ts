// test/gpu/all.sh without a GPU: which parts it runs, in what order, and how it handles a part that fails or hangs. The programs that it calls
// are stand-ins: the compiler makes a driver that prints its arguments.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const script = path.resolve(__dirname, "all.sh");

/** Stand-ins for a machine where all is well. A driver that receives files of $HANGS_ON or $FAILS_ON hangs or fails after its first line. */
const programs: Record<string, string> = {
  "nvidia-smi": 'echo "8.0"',
  nvcc: "",
  cmake: `[ "$1" = --build ] || exit 0
echo compiled
printf '#!/usr/bin/env bash\\n%s\\n' '
  echo "played \${@:2}"
  [ -z "$HANGS_ON" ] || [[ "$*" != *"$HANGS_ON"* ]] || exec sleep 100
  [ -z "$FAILS_ON" ] || [[ "$*" != *"$FAILS_ON"* ]]' > "$2/distill_gpu_driver"
chmod +x "$2/distill_gpu_driver"`,
  python3: '[ "$1" = -c ] || echo "ran $*"',
  "compute-sanitizer": 'echo "$2"; shift 4; exec "$@"',
};

const PARTS = ["compile", "cases", "models", "steps", "torch", "ops", "memcheck", "racecheck", "synccheck"];

let folder: string;
let results: string;
beforeEach((test) => {
  if (process.platform === "win32") test.skip("bash is not part of Windows");
  folder = mkdtempSync(path.join(tmpdir(), "gpu-all-"));
  results = path.join(folder, "results");
  mkdirSync(path.join(folder, "bin"));
  for (const [name, body] of Object.entries(programs)) standIn(name, body);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function standIn(name: string, body: string): void {
  const file = path.join(folder, "bin", name);
  writeFileSync(file, `#!/usr/bin/env bash\n${body}\n`);
  chmodSync(file, 0o755);
}

function runAll(environment: Record<string, string> = {}) {
  const env = { ...process.env, HANGS_ON: "", FAILS_ON: "", PATH: `${folder}/bin:${process.env.PATH}`, ...environment };
  return spawnSync("bash", [script, results], { encoding: "utf8", env });
}

const resultOf = (part: string) => readFileSync(path.join(results, `${part}.txt`), "utf8");
const begun = (stdout: string) => [...stdout.matchAll(/^== (\w+), at most \d+ s$/gm)].map(([, name]) => name);
/** Lines of the summary without times. */
const summary = () =>
  resultOf("summary")
    .replace(/\d+ s\b/g, "... s")
    .trim()
    .split("\n");
const done = (name: string) => `${name.padEnd(10)} done in ... s`;

it("runs every part in order, the sanitizers last, each with a file of its own", () => {
  const { stdout, stderr, status } = runAll();
  expect([stderr, status]).toEqual(["", 0]);
  expect(begun(stdout)).toEqual(PARTS);
  expect(summary()).toEqual(PARTS.map(done));
  expect(resultOf("cases")).toMatch(/^played .*small-cases\/linear\.txt.* .*large-cases\/linear\.txt/);
  expect(resultOf("models")).toMatch(/^played .*models-bf16\.txt .*training-\S*-bf16\.txt/);
  expect(resultOf("steps")).toMatch(/^played .*step-\S*-training\.txt/);
  expect(resultOf("torch")).toMatch(/^ran native\/testing\/driver\/torch_models\.py .*\/steps\.txt$/m);
  expect(resultOf("ops")).toMatch(/^played \S*\/ops\.txt$/m);
  expect(resultOf("racecheck")).toMatch(/^racecheck\nplayed (\S*small-cases\/\w+\.txt ?)+\n== racecheck: done in \d+ s\n$/);
});

it("cuts off a part that hangs, keeps what it printed, and continues with the next", () => {
  const { stdout, status } = runAll({ HANGS_ON: "large-cases", DISTILL_GPU_SECONDS: "30" });
  expect(status).toBe(1);
  expect(begun(stdout)).toEqual(PARTS);
  expect(resultOf("cases")).toMatch(/^played [^\n]*\n== cases: CUT OFF after \d+ s; /);
  expect(summary()).toEqual(
    PARTS.map((name) => (name === "cases" ? "cases      CUT OFF after ... s; what it printed until then is in cases.txt" : done(name))),
  );
});

it("continues after a part that fails", () => {
  const { stdout, status } = runAll({ FAILS_ON: "models-fp32" });
  expect(status).toBe(1);
  expect(begun(stdout)).toEqual(PARTS);
  expect(summary()).toEqual(PARTS.map((name) => (name === "models" ? "models     FAILED with status 1 after ... s" : done(name))));
});

it("removes the results of an earlier run", () => {
  mkdirSync(results);
  writeFileSync(path.join(results, "ops.txt"), "old");
  standIn("cmake", "echo broken; exit 3");
  const { stdout, status } = runAll();
  expect(status).toBe(1);
  expect(begun(stdout)).toEqual(["compile"]);
  expect(resultOf("compile")).toContain("broken");
  expect(() => resultOf("ops")).toThrow(/ENOENT/);
});

it("says what it leaves out and why", () => {
  standIn("python3", "exit 1");
  const { status } = runAll();
  expect(status).toBe(0);
  expect(summary()).toContain("torch      left out: python3 has no PyTorch");
  expect(resultOf("torch")).toBe("== torch: left out: python3 has no PyTorch\n");
});

it("does nothing without a GPU", () => {
  standIn("nvidia-smi", "exit 9");
  expect(runAll()).toMatchObject({ status: 2, stdout: "", stderr: "there is no NVIDIA driver here (nvidia-smi does not answer)\n" });
});

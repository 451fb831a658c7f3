// npm run python: a Python in .cache/python with what tests compare with (PyTorch, timm, TensorBoard, Ray), pinned in test/python-requirements.txt. Tests find it
// there. npm test makes it where CI is set; the program itself needs no Python.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fingerprint, has, root } from "./run.mjs";
import { installSystemPackages } from "./system.mjs";

const REQUIREMENTS = "test/python-requirements.txt";
/** For torchvision beside a torch without CUDA. */
const OPERATORS = "torchvision_operators";
const LONGEST_SECONDS = 240;

const folder = path.join(root, ".cache", "python");
const interpreter = path.join(folder, ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
/** Written last: a folder without it is not whole. */
const stamp = path.join(folder, "complete");

/** Resolves with why it cannot be made; null if it is there. */
export async function preparePython() {
  const wanted = fingerprint([REQUIREMENTS, `test/${OPERATORS}.py`]);
  if (existsSync(stamp) && existsSync(interpreter) && readFileSync(stamp, "utf8") === wanted) return null;
  const start = Date.now();
  rmSync(folder, { recursive: true, force: true });
  try {
    await install(AbortSignal.timeout(LONGEST_SECONDS * 1000));
    writeFileSync(stamp, wanted);
    process.stderr.write(`set-up: Python for tests done in ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
    return null;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return error.name === "AbortError" ? `installing its packages took more than ${LONGEST_SECONDS} s` : error.message;
  }
}

async function install(signal) {
  if (!hasModule("venv") || !hasModule("ensurepip")) installSystemPackages(["python3", "python3-venv"]);
  const python = has("python3") ? "python3" : "python";
  await run(python, ["-m", "venv", folder], signal);
  await run(interpreter, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", path.join(root, REQUIREMENTS)], signal);
  const site = path.join(folder, ...sitePackages());
  copyFileSync(path.join(root, "test", `${OPERATORS}.py`), path.join(site, `${OPERATORS}.py`));
  writeFileSync(path.join(site, `${OPERATORS}.pth`), `import ${OPERATORS}\n`);
}

const hasModule = (name) => spawnSync("python3", ["-c", `import ${name}`], { stdio: "ignore" }).status === 0;

function sitePackages() {
  if (process.platform === "win32") return ["Lib", "site-packages"];
  return ["lib", readdirSync(path.join(folder, "lib")).find((name) => name.startsWith("python3")), "site-packages"];
}

/** Beside other steps. Rejects with the last line that it said. */
function run(command, args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { signal, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const listen = (text) => {
      said = `${said}${text}`.slice(-4000);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("error", (error) => reject(error.code === "ENOENT" ? new Error(`${command} is not installed`) : error));
    child.on("close", (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${path.basename(command)} ${args.slice(0, 3).join(" ")} failed: ${said.trim().split("\n").at(-1)}`));
    });
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const reason = await preparePython();
  console.log(reason ?? interpreter);
  process.exit(reason === null ? 0 : 1);
}

// node build/compiler-log.mjs OBJECT COMMAND...: runs a compiler and keeps what it says beside the object, as OBJECT.log. What ptxas tells of
// each kernel's registers is said once, when it is compiled, and wanted later.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const [object, command, ...args] = process.argv.slice(2);
const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
const text = `${stdout}${stderr}`;
if (status === 0) writeFileSync(`${object}.log`, text);
else process.stderr.write(text);
process.exit(status ?? 1);

// node build/compiler-log.mjs OBJECT COMMAND...: runs a compiler and saves its output beside the object, as OBJECT.log. ptxas reports each
// kernel's registers only once, when it compiles the kernel; build/kernels.mjs needs the report later.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const [object, command, ...args] = process.argv.slice(2);
const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
const text = `${stdout}${stderr}`;
if (status === 0) writeFileSync(`${object}.log`, text);
else process.stderr.write(text);
process.exit(status ?? 1);

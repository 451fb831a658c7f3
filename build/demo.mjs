// npm run demo [-- flags of distill demo]: sets up, then trains control and student on the bundled data.
import { runForeground } from "./run.mjs";
import { setUp } from "./setup.mjs";

await setUp();
process.exit(await runForeground(process.execPath, ["out/cli/distill.cjs", "demo", ...process.argv.slice(2)]));

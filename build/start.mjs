// npm start: sets up, then opens the desktop app.
import { hasDisplay } from "./display.mjs";
import { runForeground } from "./run.mjs";
import { setUp } from "./setup.mjs";

if (!hasDisplay()) {
  console.error(`There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can be opened.
Instead:
  npm run demo                 trains control and student in the terminal and writes an HTML report
  npx distill --help           everything else, from the command line
  xvfb-run -a npm start        the app on a virtual display (for screenshots and tests)
Over ssh, "ssh -X" forwards your own display.`);
  process.exit(1);
}
await setUp();
const { electronExecutable, sandboxFlags } = await import("./electron.mjs");
process.exit(await runForeground(electronExecutable(), [...sandboxFlags(), "."]));

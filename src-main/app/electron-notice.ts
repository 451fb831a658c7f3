import packageJson from "../../package.json";

/** What to say about an Electron older than the one that this app is made for; null if it is not. Nobody mends the faults of that one any more. */
export function electronNotice(running = process.versions.electron ?? ""): string | null {
  const made = packageJson.devDependencies.electron;
  if (majorOf(running) >= majorOf(made)) return null;
  return (
    `This app runs in Electron ${running}, which is past its end of life: known holes in it stay open. ` +
    `It is good for a first look at data that you trust. For everyday use, connect to the network and run npm run setup, which fetches Electron ${majorOf(made)}.`
  );
}

const majorOf = (version: string): number => Number.parseInt(version.replace(/^\D+/, ""), 10);

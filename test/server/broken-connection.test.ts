/** What a page in a real browser makes of connections, servers and engines that break, and of runs that are interrupted so. */
import path from "node:path";
import { expect, test } from "vitest";
import { PATIENCE_MS } from "../app/launch";
import { choose, InBrowser, shown, TOKEN } from "./in-browser";
import { Line } from "./line";
import { ServedProcess } from "./served";

/** Whose /proc tells the process of the server's engine. */
const onLinux = test.runIf(process.platform === "linux");
const here = new InBrowser("serve-broken");

test("a connection that breaks comes back by itself: the page stays as it is, dialogs and all, and its run goes on", async () => {
  const line = new Line();
  const other = await ServedProcess.start(["--port", "0", "--name", `127.0.0.1:${await line.listen()}`], { home: path.join(here.folder, "other") });
  line.leadTo(Number(/ssh -L (\d+):/.exec(other.err)![1]));
  const page = await here.openedAt(`${other.origin}/#token=${other.token}`);
  const mine = await shown(page);
  await mine.startShortRun({ trainImages: 160, epochs: 60 });
  await mine.stepsReach(3);
  await choose(page, "About Distill Studio");
  await page.evaluate("window.isMarked = true");
  line.break();
  await mine.sees(/^The connection to the server is lost/);
  line.mend();
  await page.getByText(/^The connection to the server is lost/).waitFor({ state: "detached" });
  await mine.trainingIs("Running");
  await page.getByTestId("about").waitFor();
  await page.keyboard.press("Escape");
  const before = await mine.steps("Loss");
  await mine.stepsReach(before + 3);
  expect([await page.evaluate("window.isMarked"), await page.getByRole("alert").count()]).toEqual([true, 0]);
  await mine.press("Stop");
  await mine.trainingIs("Stopped");
  await page.close();
  await other.end("SIGTERM");
  line.close();
});

test("a server that is gone is said; once it is there again the page asks for the token, and goes on with the form as it was", async () => {
  const { page } = here.window;
  await here.window.go("setup");
  await here.window.fill("Epochs", 7);
  await here.served.end();
  await here.window.sees(/^The server has ended; a run under way has stopped with a checkpoint/);
  await here.look(page, "lost");
  await here.window.fill("Epochs", 9);
  await page.evaluate("window.isMarked = true");
  here.served = await here.serve(here.served.url.port);
  await here.window.alert("The server does not know this browser any more");
  await here.window.press("Sign in");
  const dialog = page.getByTestId("token");
  await dialog.waitFor();
  // Whoever types at once is in the right field.
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await here.window.alert("That is not the token of this server");
  await here.look(page, "sign-in-again");
  await here.signIn(TOKEN);
  expect(await page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue()).toBe("9");
  expect(await page.evaluate("window.isMarked")).toBe(true);
  const second = await shown(await here.openedAt(here.served.origin));
  await second.go("setup");
  await expect.poll(() => second.page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue(), { timeout: PATIENCE_MS }).toBe("9");
  await second.page.close();
});

onLinux("an engine that dies is said, and started anew from the page", async () => {
  await here.window.go("data");
  process.kill(here.served.engine, "SIGKILL");
  await here.window.alert("The engine ended unexpectedly (signal SIGKILL)");
  await here.window.press("Restart the engine");
  await here.window.press(/^Your own folder/);
  const picker = here.window.page.getByTestId("picker");
  await picker.getByRole("button", { name: /^leaves/ }).click();
  await picker.getByRole("button", { name: "Choose this folder" }).click();
  await expect.poll(() => here.window.page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("24");
});

test("after a kill of the server, with another token at its next start, the page names the run that was interrupted, and resumes it", async () => {
  const { page } = here.window;
  await here.window.go("data");
  await here.window.press(/^Bundled sample/);
  await here.window.startShortRun({ trainImages: 160, epochs: 60 });
  await here.window.stepsReach(25);
  await here.served.end("SIGKILL");
  await here.window.sees(/^The connection to the server is lost/);
  here.served = await here.serve(here.served.url.port, "u".repeat(40));
  await here.window.alert("The server does not know this browser any more");
  await here.window.press("Sign in");
  await here.signIn(here.served.token);
  await here.window.sees(/^quick look is not finished, and nobody trains it: .* of 60 epochs are done/);
  await here.look(page, "interrupted");
  // A page that is opened now says so, too.
  const second = await shown(await here.openedAt(here.served.origin));
  await second.sees(/^quick look is not finished, and nobody trains it/);
  await second.go("live");
  await second.sees(/quick look is not finished, and nobody trains it/);
  await here.look(second.page, "interrupted-live");
  await second.page.close();
  await page.getByRole("button", { name: "Resume quick look" }).first().click();
  await here.window.trainingIs("Running");
  await here.window.stepsReach(26);
  await here.window.press("Stop");
  await here.window.trainingIs("Stopped");
});

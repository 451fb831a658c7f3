/** The page as somebody controls it who has taken it over: with all that its scripts can reach, but without the app's own. */
import type { ElectronApplication, Page } from "playwright-core";
import type { Answer, Method } from "../../src-main/contract/engine";
import type { Notice } from "../../src-main/contract/notices";

/** Runs in the page. Puts a connection to the engine of its own on the window. */
const takeOver = `(async () => {
  const connect = () => new Promise((resolve) => {
    const receive = ({ data, ports }) => {
      if (data !== "engine-port" || !ports[0]) return;
      removeEventListener("message", receive);
      resolve(ports[0]);
    };
    addEventListener("message", receive);
    host.connectEngine();
  });
  const port = await connect();
  const pending = new Map();
  let lastId = 1e6;
  const taken = { port, notices: [], exits: [] };
  host.onEngineExit((end) => taken.exits.push(end));
  port.onmessage = ({ data }) => {
    if ("type" in data) taken.notices.push(data);
    else pending.get(data.id)?.(data);
  };
  taken.call = (method, params) => new Promise((resolve) => {
    pending.set(++lastId, resolve);
    port.postMessage({ id: lastId, method, params });
  });
  window.taken = taken;
})()`;

export class TakenOverPage {
  private constructor(
    readonly app: ElectronApplication,
    readonly page: Page,
  ) {}

  static async of(app: ElectronApplication): Promise<TakenOverPage> {
    const page = await app.firstWindow();
    await page.getByTestId("train-count").waitFor();
    await page.evaluate(takeOver);
    return new TakenOverPage(app, page);
  }

  call(method: Method | (string & {}), params: object): Promise<Answer> {
    return this.run("(method, params) => taken.call(method, params)", method, params);
  }

  /** Why the engine refuses; null if it does not. */
  async refusal(method: Method | (string & {}), params: object): Promise<string | null> {
    const answer = await this.call(method, params);
    return answer.ok ? null : answer.error.message;
  }

  /** What the engine sent unasked so far. */
  notices(): Promise<Notice[]> {
    return this.run("() => taken.notices");
  }

  /** Calls a function of the page, given as text, and waits for it. */
  run<Result>(text: string, ...args: unknown[]): Promise<Result> {
    return this.page.evaluate(`(${text})(...${JSON.stringify(args)})`);
  }

  enginePids(): Promise<number[]> {
    return this.app.evaluate(({ app }) =>
      app
        .getAppMetrics()
        .filter(({ name }) => name === "distill-engine")
        .map(({ pid }) => pid),
    );
  }
}

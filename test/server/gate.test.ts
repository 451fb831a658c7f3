/** Who does not come in, over HTTP and as a window, and what an attacker of a browser that is signed in gets. */
import { statSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { ServedProcess, type Session, value } from "./served";

let served: ServedProcess;
let session: Session;
beforeAll(async () => {
  served = await ServedProcess.start();
  session = await served.session();
});
afterAll(() => served.remove());

const signedIn = (headers: Record<string, string> = {}) => ({ headers: { cookie: session.cookie, ...headers } });

describe("the token", () => {
  test("is new at each start, and long", async () => {
    const other = await ServedProcess.start();
    expect(other.token).not.toBe(served.token);
    expect(Buffer.from(served.token, "base64url").length).toBeGreaterThanOrEqual(16);
    await other.remove();
  });

  test.each(["", "wrong", "x".repeat(5000)])("a wrong one (%#) gives nothing", async (token) => {
    const { status, headers } = await served.signIn(token);
    expect([status, headers["set-cookie"]]).toEqual([401, undefined]);
  });

  test("the right one gives a cookie that no script reads and no other site sends", async () => {
    const { status, headers, body } = await served.signIn();
    expect(status).toBe(200);
    expect((headers["set-cookie"] as string[])[0]).toMatch(/^distill-studio-\d+=[\w-]+; Path=\/; HttpOnly; SameSite=Strict$/);
    // Neither says what the token is.
    expect([headers["set-cookie"]!.includes(served.token), body === served.token]).toEqual([false, false]);
  });

  test("is taken from our own page alone", async () => {
    for (const headers of [{}, { origin: "https://evil.example" }, { origin: "null" }, { origin: "http://127.0.0.1:1" }] as Record<string, string>[])
      expect((await served.signIn(served.token, headers)).status).toBe(403);
  });

  test("without it there is one page, which says what to do, and nothing else", async () => {
    const { status, body, headers } = await served.ask("/");
    expect(status).toBe(401);
    expect(body).toContain("distill serve");
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    for (const pathname of ["/index.html", "/assets/", "/files/x", "/socket", "/anything"]) expect((await served.ask(pathname)).status, pathname).toBe(401);
    expect((await served.ask("/", { headers: { cookie: `${session.cookie}x` } })).status).toBe(401);
  });

  test("is written down nowhere but in the line that is printed", async () => {
    await served.ask(`/?token=${served.token}`, signedIn());
    expect(served.err).not.toContain(served.token);
  });
});

describe("a browser that is signed in", () => {
  test("has secrets that no other has, and that do not work with those of another", async () => {
    const other = await served.session();
    expect([other.cookie === session.cookie, other.key === session.key]).toEqual([false, false]);
    await expect(served.page({ cookie: other.cookie, key: session.key })).rejects.toThrow("401");
    const status = async (key: string) => (await served.ask("/session", { headers: { cookie: other.cookie, "distill-key": key } })).status;
    expect([await status(other.key), await status(session.key)]).toEqual([204, 401]);
  });

  test("is forgotten when it signs out: its windows are closed, its cookie and key open nothing, and other browsers stay", async () => {
    const leaves = await served.session();
    const windows = await Promise.all([served.page(leaves), served.page(leaves)]);
    const stays = await served.page(session);
    const told = windows.map((window) => window.event("signedOut"));
    const { status, headers } = await served.signOut(leaves);
    expect([status, headers["set-cookie"]]).toEqual([204, [expect.stringMatching(/^distill-studio-\d+=; .*; Max-Age=0$/)]]);
    await Promise.all(told);
    expect(await Promise.all(windows.map(({ closed }) => closed))).toEqual([1008, 1008]);
    expect((await served.ask("/", { headers: { cookie: leaves.cookie } })).status).toBe(401);
    await expect(served.page(leaves)).rejects.toThrow("401");
    expect((await served.signOut(leaves)).status).toBe(401);
    expect(await stays.host("environment")).toMatchObject({ ok: true });
    stays.socket.close();
    await stays.closed;
  });

  test("is not heard any more while its windows close", async () => {
    const leaves = await served.session();
    const window = await served.page(leaves);
    await value(window.host("setLesson", true));
    // At once: when a client has read that the connection closes, it sends nothing more by itself.
    window.socket.on("message", () => window.events.at(-1)?.type === "signedOut" && void window.host("setLesson", false));
    await served.signOut(leaves);
    await window.closed;
    const after = await served.page(session);
    expect(await after.host("environment")).toMatchObject({ ok: true, value: { lesson: true } });
    after.socket.close();
    await after.closed;
  });

  test("is signed out by its own page alone", async () => {
    expect((await served.signOut(session, "https://evil.example")).status).toBe(403);
    expect((await served.signOut({ ...session, key: "guessed" })).status).toBe(401);
    expect((await served.ask("/", signedIn())).status).toBe(200);
  });

  test("signs in once more with other secrets, and all of its windows are still signed out at once", async () => {
    const before = await served.session();
    const window = await served.page(before);
    const { headers, body } = await served.signIn(served.token, { origin: served.origin, cookie: before.cookie });
    const after = { cookie: (headers["set-cookie"] as string[])[0]!.split(";")[0]!, key: body };
    await expect(served.page(before)).rejects.toThrow("401");
    expect(await window.host("environment")).toMatchObject({ ok: true });
    await served.signOut(after);
    expect(await window.closed).toBe(1008);
  });
});

describe("the name that a request is sent to", () => {
  test.each(["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0"])("%s is refused", async (host) => {
    const name = host.includes(":") || host === "127.0.0.1" ? host : `${host}:${served.url.port}`;
    const { status, body } = await served.ask("/", signedIn({ host: name }));
    expect(status).toBe(403);
    expect(body).toContain("does not answer to");
    await expect(served.page(session, { host: name })).rejects.toThrow("403");
  });

  test("both names of this computer are taken", async () => {
    for (const host of ["127.0.0.1", "localhost"]) expect((await served.ask("/", signedIn({ host: `${host}:${served.url.port}` }))).status).toBe(200);
  });
});

describe("a window", () => {
  test.each(["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"])("from %s is refused", async (origin) => {
    await expect(served.page(session, { origin })).rejects.toThrow("403");
  });

  test("from no page is refused", async () => {
    const socket = new WebSocket(`ws://${served.host}/socket`, ["distill-studio", session.key], { headers: { cookie: session.cookie } });
    const [, answer] = await new Promise<[unknown, { statusCode?: number }]>((resolve) => {
      socket.on("error", () => {});
      socket.on("unexpected-response", (...args) => resolve(args));
    });
    expect(answer.statusCode).toBe(403);
  });

  test("with the cookie alone is refused: browsers send it to every port of this computer", async () => {
    await expect(served.page({ ...session, key: "wrong" })).rejects.toThrow("401");
    await expect(served.page({ ...session, cookie: "distill=1" })).rejects.toThrow("401");
  });

  test("elsewhere than at its address is refused", async () => {
    const socket = new WebSocket(`ws://${served.host}/other`, ["distill-studio", session.key], { headers: { cookie: session.cookie, origin: served.origin } });
    const status = await new Promise((resolve) => {
      socket.on("error", () => {});
      socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode));
    });
    expect(status).toBe(404);
  });

  test("that sends what is no message, or too much of it, loses its connection, and the others stay", async () => {
    const stays = await served.page(session);
    const text = await served.page(session);
    text.socket.send("no bytes");
    expect(await text.closed).toBe(1003);
    const damaged = await served.page(session);
    damaged.socket.send(Buffer.from([0xc1, 0xff, 0x00]));
    expect(await damaged.closed).toBe(1003);
    const large = await served.page(session);
    large.socket.send(Buffer.alloc((64 << 20) + 1));
    expect(await large.closed).toBe(1009);
    expect(await stays.host("environment")).toMatchObject({ ok: true });
    stays.socket.close();
    await stays.closed;
  });

  test("is one of 32", async () => {
    const pages = await Promise.all(Array.from({ length: 32 }, () => served.page(session)));
    await expect(served.page(session)).rejects.toThrow("503");
    for (const page of pages) page.socket.close();
    await Promise.all(pages.map(({ closed }) => closed));
    const after = await served.page(session);
    after.socket.close();
  });
});

describe("every answer", () => {
  test("is confined: no script of others, no frame, no address passed on, nothing kept", async () => {
    for (const pathname of ["/", "/nothing", "/session", "/sign-in"]) {
      const { headers } = await served.ask(pathname, signedIn());
      expect(headers, pathname).toMatchObject({
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
      expect(headers["content-security-policy"], pathname).toContain("frame-ancestors 'none'");
      expect(headers["access-control-allow-origin"], pathname).toBeUndefined();
    }
  });

  test("serves nothing beside the page's files", async () => {
    const attempts = [
      "/../cli/distill.cjs",
      "/..%2fcli%2fdistill.cjs",
      "/%2e%2e/cli/distill.cjs",
      "/..%5ccli%5cdistill.cjs",
      "/%00",
      "//etc/passwd",
      "/assets/../../cli/distill.cjs",
      "/%",
    ];
    for (const pathname of attempts) expect((await served.ask(pathname, signedIn())).status, pathname).toBe(404);
  });

  test("comes to GET alone", async () => {
    for (const method of ["PUT", "DELETE", "POST", "OPTIONS"]) expect((await served.ask("/", { method, ...signedIn() })).status, method).toBe(405);
  });
});

test("a request that is no HTTP, or asks for no path, ends its connection alone", async () => {
  for (const text of ["\x00\x01\x02\r\n\r\n", "GET http:// HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"]) {
    const socket = connect(Number(served.url.port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(text);
    socket.resume();
    await new Promise((resolve) => socket.on("close", resolve));
  }
  expect((await served.ask("/", signedIn())).status).toBe(200);
});

test("those who are refused and stay, with their end open, keep nobody out", async () => {
  const open = async (request: string) => {
    const socket = connect({ port: Number(served.url.port), host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.write(request);
    await new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
    return { socket, answer };
  };
  const upgrade = `GET /socket HTTP/1.1\r\nHost: ${served.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  const refused = await Promise.all(Array.from({ length: 260 }, () => open(upgrade)));
  // On a connection of its own.
  const { answer } = await open(`GET / HTTP/1.1\r\nHost: ${served.host}\r\nConnection: close\r\n\r\n`);
  for (const { socket } of refused) socket.destroy();
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
});

test("what it remembers is in the folder that was given, and only its owner's", async () => {
  const page = await served.page();
  expect(await page.host("setTheme", "dark")).toMatchObject({ ok: true });
  expect(statSync(`${served.home}/settings/serve.json`).mode & 0o077).toBe(0);
});

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import path, { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listening, proxy, serve, withoutProxies } from "../download/server";
import { distill, interruptAt } from "./distill";

const TLS = path.resolve(import.meta.dirname, "../fixtures/tls");
const certificate = join(TLS, "certificate.pem");

let cwd: string;
beforeEach(() => {
  withoutProxies();
  cwd = mkdtempSync(join(tmpdir(), "distill-download-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const page = "<html>moved</html>";

/** Downloads from a server with a certificate of its own, through a proxy, with more variables. */
async function downloadThroughProxy(variables: Record<string, string>) {
  const key = { key: readFileSync(join(TLS, "key.pem")), cert: readFileSync(certificate) };
  const port = await listening(createServer(key, (_, response) => void response.writeHead(200, { "content-length": page.length }).end(page)));
  const through = await proxy(() => {});
  const environment = { ...process.env, HTTPS_PROXY: through.url, ...variables };
  const args = ["data", "download", "cifar100", "--url", `https://localhost:${port}/cifar.tar.gz`];
  return { ...(await distill(args, cwd, undefined, environment)), asked: through.asked, target: `localhost:${port}`, proxy: new URL(through.url).host };
}

test("a download goes through the proxy of the environment, encrypted to the server", async () => {
  const { status, err, asked, target } = await downloadThroughProxy({ NODE_EXTRA_CA_CERTS: certificate });
  expect(asked).toEqual([`CONNECT ${target}`]);
  expect(err).toContain(`CIFAR-100, 168.5 MB, to cifar-100`);
  expect(err).toContain("is a file of 18 bytes; expected 168513733: it is a different file");
  expect(status).toBe(1);
  expect(readdirSync(join(cwd, "cifar-100"))).toEqual([]);
});

test("a certificate that nobody vouches for is refused behind a proxy too, with what to do", async () => {
  const { status, err, proxy } = await downloadThroughProxy({ NODE_EXTRA_CA_CERTS: "" });
  expect(err).toContain(`cannot be reached through the proxy ${proxy} (HTTPS_PROXY): self-signed certificate.`);
  expect(err).toContain("name its file in NODE_EXTRA_CA_CERTS");
  expect(status).toBe(1);
});

test.each([
  ["an HTML page", 200, page, "is a file of 18 bytes; expected 170052171"],
  ["nothing there", 404, "", "answers with status 404"],
])("%s leaves nothing behind", async (_, status, body, message) => {
  const url = await serve((_, response) => void response.writeHead(status, { "content-length": body.length }).end(body));
  const finished = await distill(["data", "download", "cifar10", "images", "--url", url], cwd);
  expect(finished.err).toContain(message);
  expect(finished.status).toBe(1);
  expect(readdirSync(join(cwd, "images"))).toEqual([]);
});

test("an interrupted download says that it goes on from there", async () => {
  const url = await serve((_, response) => void response.writeHead(200, { "content-length": 170052171 }).write("a beginning"));
  const { status, err } = await distill(["data", "download", "cifar10", "images", "--url", url], cwd, interruptAt(/CIFAR-10, .* to images/));
  expect(err).toContain("stopped; what has come is kept, and the same command goes on from there");
  expect(status).toBe(130);
});

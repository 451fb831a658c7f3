import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Refused, request } from "../../src-main/download/request";
import { proxy, serve, withoutProxies } from "./server";

beforeEach(withoutProxies);

const contentOf = async (url: string, asked?: Parameters<typeof request>[1]) => text((await request(url, asked)).body);

describe("redirections", () => {
  test("are followed, and what they said is kept", async () => {
    const url = await serve(
      (_, response) => void response.writeHead(302, { location: "/there", "x-linked-size": "7" }).end(),
      ({ url }, response) => void response.end(`this is ${url}`),
    );
    const answer = await request(`${url}/here`);
    expect(await text(answer.body)).toBe("this is /there");
    expect(answer.url).toBe(`${url}/there`);
    expect(answer.redirections).toMatchObject([{ "x-linked-size": "7" }]);
  });

  test("to another server leave out what was meant for the first", async () => {
    const other = await serve(({ headers }, response) => void response.end(JSON.stringify(headers)));
    const url = await serve(({ headers }, response) => void response.writeHead(headers.authorization ? 302 : 401, { location: `${other}/x` }).end());
    const headers = JSON.parse(await contentOf(url, { headers: { Authorization: "Bearer secret", range: "bytes=5-" } }));
    expect(headers).not.toHaveProperty("authorization");
    expect(headers).toMatchObject({ range: "bytes=5-" });
  });

  test("within one server keep it", async () => {
    const url = await serve(
      (_, response) => void response.writeHead(307, { location: "/x" }).end(),
      ({ headers }, response) => void response.end(headers.authorization),
    );
    expect(await contentOf(url, { headers: { authorization: "Bearer token" } })).toBe("Bearer token");
  });

  test.each(["/again", "ftp://elsewhere/x", "file:///etc/passwd"])(
    "that go on for ever, or to what is no web server, are not followed: %s",
    async (location) => {
      const url = await serve((_, response) => void response.writeHead(302, { location }).end());
      await expect(request(url)).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(/redirects to .*, which is not followed/) });
    },
  );
});

test("a refusal tells its status", async () => {
  const url = await serve((_, response) => void response.writeHead(404, { "x-error-code": "RepoNotFound" }).end());
  const refusal = await request(url).catch((error) => error);
  expect(refusal).toBeInstanceOf(Refused);
  expect(refusal).toMatchObject({ code: "INPUT", status: 404, headers: { "x-error-code": "RepoNotFound" }, message: expect.stringMatching(/status 404/) });
});

test.each(["cifar.tar.gz", "ftp://a.org/x", ""])("what is no address of a web server is named: %j", async (address) => {
  await expect(request(address)).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(/expected one that begins with https:\/\//) });
});

test("a name that does not exist is told at once, with what to check", async () => {
  await expect(request("http://nowhere.invalid/x")).rejects.toMatchObject({ message: expect.stringMatching(/nowhere\.invalid\/x cannot be reached/) });
});

describe("a proxy", () => {
  test("is asked for the whole address", async () => {
    const through = await proxy((request, response) => void response.end(`${request.headers.host} says hello`));
    vi.stubEnv("HTTP_PROXY", through.url.replace("//", "//me:secret@"));
    expect(await contentOf("http://data.invalid:81/cifar?x=1")).toBe("data.invalid:81 says hello");
    expect(through.asked).toEqual(["GET http://data.invalid:81/cifar?x=1"]);
    expect(through.authorizations).toEqual([`Basic ${Buffer.from("me:secret").toString("base64")}`]);
  });

  test("is passed by for what NO_PROXY lists", async () => {
    const through = await proxy((_, response) => void response.end("through the proxy"));
    vi.stubEnv("http_proxy", through.url);
    vi.stubEnv("no_proxy", "127.0.0.0/8");
    expect(await contentOf(await serve((_, response) => void response.end("straight")))).toBe("straight");
    expect(through.asked).toEqual([]);
  });

  test("that asks for a password is named, with what to write", async () => {
    const through = await proxy(() => {}, 407);
    vi.stubEnv("HTTPS_PROXY", through.url);
    const { host } = new URL(through.url);
    await expect(request("https://data.invalid/x")).rejects.toMatchObject({
      code: "INPUT",
      message: `data.invalid:443 cannot be reached: the proxy ${host} (HTTPS_PROXY) answers with status 407: it expects a name and a password, as in http://name:password@host:port`,
    });
    expect(through.asked).toEqual(["CONNECT data.invalid:443"]);
  });

  test("that does not answer is named", async () => {
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:9");
    await expect(request("http://data.invalid/x")).rejects.toThrow(
      "http://data.invalid/x cannot be reached through the proxy 127.0.0.1:9 (HTTP_PROXY): connect ECONNREFUSED 127.0.0.1:9",
    );
  });
});

import { describe, expect, test } from "vitest";
import { authorizationFor, proxyFor } from "../../src-main/download/proxy";

const found = (address: string, environment: Record<string, string>) => proxyFor(new URL(address), environment)?.url.href ?? null;

test.each([
  ["https://a.org/x", { HTTPS_PROXY: "http://p:3128" }, "http://p:3128/"],
  ["https://a.org/x", { https_proxy: "http://p:3128" }, "http://p:3128/"],
  ["https://a.org/x", { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" }, "http://low:1/"],
  ["https://a.org/x", { HTTP_PROXY: "http://p:3128" }, null],
  ["http://a.org/x", { HTTP_PROXY: "http://p:3128" }, "http://p:3128/"],
  ["http://a.org/x", { http_proxy: "p:3128" }, "http://p:3128/"],
  ["http://a.org/x", { ALL_PROXY: "https://p:3128" }, "https://p:3128/"],
  ["http://a.org/x", { HTTP_PROXY: "", all_proxy: "http://p:1" }, "http://p:1/"],
  ["http://a.org/x", {}, null],
])("%s with %j goes through %s", (address, environment, expected) => {
  expect(found(address, environment as Record<string, string>)).toBe(expected);
});

describe("NO_PROXY", () => {
  test.each([
    ["https://a.org", "*"],
    ["https://a.org", "b.org, a.org"],
    ["https://a.org", "b.org a.org"],
    ["https://www.A.org", "a.ORG"],
    ["https://www.a.org", ".a.org"],
    ["https://www.a.org", "*.a.org"],
    ["https://a.org:8443", "a.org:8443"],
    ["https://a.org", "a.org:443"],
    ["http://10.1.2.3", "10.0.0.0/8"],
    ["http://127.0.0.1:8080", "127.0.0.1"],
    ["http://[::1]:8080", "::1"],
    ["http://[fd00::5]", "fd00::/8"],
  ])("%s is not asked through a proxy with %s", (address, list) => {
    const environment = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://p:1" };
    expect(found(address, { ...environment, NO_PROXY: list })).toBeNull();
    expect(found(address, { ...environment, no_proxy: list })).toBeNull();
  });

  test.each([
    ["https://a.org", "b.org"],
    ["https://aa.org", "a.org"],
    ["https://a.org.evil.com", "a.org"],
    ["https://a.org:8443", "a.org:443"],
    ["http://11.1.2.3", "10.0.0.0/8"],
    ["http://10.1.2.3", "10.0.0.0/99"],
    ["http://10.1.2.3", "2.3"],
    ["http://a.org", "10.0.0.0/8"],
  ])("%s is asked through the proxy with %s", (address, list) => {
    expect(found(address, { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://p:1", NO_PROXY: list })).toBe("http://p:1/");
  });
});

test("name and password go into a header, and nowhere else", () => {
  const proxy = proxyFor(new URL("https://a.org"), { HTTPS_PROXY: "http://me:se%40cret%@p:3128" })!;
  expect(proxy.url.href).toBe("http://p:3128/");
  expect(authorizationFor(proxy)).toEqual({ "proxy-authorization": `Basic ${Buffer.from("me:se%40cret%").toString("base64")}` });
  const decoded = proxyFor(new URL("https://a.org"), { HTTPS_PROXY: "http://me:se%40cret@p:3128" })!;
  expect(authorizationFor(decoded)).toEqual({ "proxy-authorization": `Basic ${Buffer.from("me:se@cret").toString("base64")}` });
  expect(authorizationFor(proxyFor(new URL("https://a.org"), { HTTPS_PROXY: "http://p:3128" })!)).toEqual({});
});

test.each(["socks5://me:secret@p:1080", "http://:::", "ftp://p"])("%s is refused by the variable's name, without the password", (value) => {
  expect(() => proxyFor(new URL("https://a.org"), { HTTPS_PROXY: value })).toThrow(/HTTPS_PROXY names no HTTP proxy: expected http:\/\/host:port/);
  expect(() => proxyFor(new URL("https://a.org"), { HTTPS_PROXY: value })).not.toThrow(/secret/);
});

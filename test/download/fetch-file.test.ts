import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FetchOptions, fetchFile, type Received, type Remote } from "../../src-main/download/fetch-file";
import { type Handler, serve, withoutProxies } from "./server";

const CONTENT = randomBytes(300_000);
const third = CONTENT.length / 3;

let directory: string;
let path: string;
let part: string;
/** What was asked: the headers Range and If-Range. */
let ranges: [string | undefined, string | string[] | undefined][];

beforeEach(() => {
  withoutProxies();
  directory = mkdtempSync(join(tmpdir(), "distill-fetch-"));
  path = join(directory, "file.bin");
  part = `${path}.part`;
  ranges = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const serving = (...handlers: Handler[]) =>
  serve(
    ...handlers.map(
      (handler): Handler =>
        (request, response) => {
          ranges.push([request.headers.range, request.headers["if-range"]]);
          handler(request, response);
        },
    ),
  );

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
/** As an archive is described: all is known beforehand. */
const described = (url: string): Remote => ({ url, size: CONTENT.length, checksum: { algorithm: "md5", value: md5(CONTENT) } });
const fetched = (remote: Remote, options: FetchOptions = {}) => fetchFile(remote, path, { delay: 1, ...options });

const startIn = (range: string | undefined) => Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);

interface Served {
  content?: Buffer;
  /** Where the connection breaks off. */
  until?: number;
  etag?: string;
  headers?: Record<string, string>;
}

/** Sends the requested range of what has this ETag, as a good server does. */
function sending({ content = CONTENT, until, etag, headers }: Served = {}): Handler {
  return (request, response) => {
    const asked = request.headers["if-range"];
    const start = asked === undefined || asked === etag ? startIn(request.headers.range) : 0;
    if (start >= content.length) return void response.writeHead(416).end();
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": content.length - start,
      ...(start > 0 && { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` }),
      ...(etag && { etag }),
      ...headers,
    });
    if (until === undefined) response.end(content.subarray(start));
    else response.write(content.subarray(start, until), () => response.destroy());
  };
}
const answering =
  (status: number, body = ""): Handler =>
  (_, response) =>
    void response.writeHead(status, { "content-length": body.length }).end(body);
const withoutRanges: Handler = (_, response) => void response.writeHead(200, { "content-length": CONTENT.length }).end(CONTENT);

/** The file is whole, and nothing else is left. */
function expectWhole(content = CONTENT): void {
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(readdirSync(directory)).toEqual(["file.bin"]);
}

const fails = (promise: Promise<void>, message: RegExp) => expect(promise).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });

describe("a file", () => {
  test("is fetched, with progress, and appears only when it is whole", async () => {
    const progress: Received[] = [];
    const wasThere: boolean[] = [];
    await fetched(described(await serving(sending())), {
      onProgress: (each) => {
        progress.push(each);
        wasThere.push(existsSync(path));
      },
    });
    expectWhole();
    expect(progress.at(-1)).toMatchObject({ received: CONTENT.length, total: CONTENT.length });
    expect(wasThere).not.toContain(true);
  });

  test("of which nothing is known beforehand, not even its length", async () => {
    const url = await serving((_, response) => void response.writeHead(200).write(CONTENT.subarray(0, third), () => response.end(CONTENT.subarray(third))));
    const totals = new Set<number | null>();
    await fetched({ url }, { onProgress: ({ total }) => totals.add(total) });
    expectWhole();
    expect([...totals]).toEqual([null]);
  });

  test("is asked for with the headers that the caller adds", async () => {
    const seen: (string | undefined)[] = [];
    const handler: Handler = (request, response) => {
      seen.push(request.headers.authorization);
      sending()(request, response);
    };
    await fetched({ url: await serving(handler), headers: { authorization: "Bearer token" } });
    expect(seen).toEqual(["Bearer token"]);
  });
});

describe("a download that broke off", () => {
  test("resumes where it was, even more than once", async () => {
    await fetched(described(await serving(sending({ until: third }), sending({ until: 2 * third }), sending())));
    expectWhole();
    expect(ranges.map(([range]) => range)).toEqual([undefined, `bytes=${third}-`, `bytes=${2 * third}-`]);
  });

  test("asks for the same version, and starts over if the server has another", async () => {
    const other = randomBytes(200_000);
    await fetched({ url: await serving(sending({ until: third, etag: '"old"' }), sending({ content: other, etag: '"new"' })) });
    expectWhole(other);
    expect(ranges).toEqual([
      [undefined, undefined],
      [`bytes=${third}-`, '"old"'],
    ]);
  });

  test("asks by the date of the last change where the ETag is weak", async () => {
    const date = "Wed, 21 Oct 2015 07:28:00 GMT";
    const first = sending({ until: third, etag: 'W/"weak"', headers: { "last-modified": date } });
    await fetched({ url: await serving(first, sending({ etag: date })) });
    expectWhole();
    expect(ranges[1]).toEqual([`bytes=${third}-`, date]);
  });

  test("starts over where neither a version nor a checksum would tell another file", async () => {
    await fetched({ url: await serving(sending({ until: third }), sending()) });
    expectWhole();
    expect(ranges.map(([range]) => range)).toEqual([undefined, undefined]);
  });

  test("starts over if the server does not support ranges", async () => {
    await fetched(described(await serving(sending({ until: third }), withoutRanges)));
    expectWhole();
    expect(ranges.map(([range]) => range)).toEqual([undefined, `bytes=${third}-`]);
  });

  test("and whose part is longer than the file, starts over", async () => {
    writeFileSync(part, randomBytes(CONTENT.length + 1));
    writeFileSync(`${part}.version`, '"1"');
    await fetched({ url: await serving(sending({ etag: '"1"' })) });
    expectWhole();
  });

  test("with a wrong beginning is fetched again completely", async () => {
    writeFileSync(part, randomBytes(third));
    await fetched(described(await serving(sending())));
    expectWhole();
    expect(ranges.map(([range]) => range)).toEqual([`bytes=${third}-`, undefined]);
  });

  test("by a stop keeps what it has, and says so", async () => {
    const stop = new AbortController();
    const waiting: Handler = (_, response) => void response.writeHead(200, { "content-length": CONTENT.length }).write(CONTENT.subarray(0, third));
    const remote = described(await serving(waiting, sending()));
    const stopped = fetched(remote, { signal: stop.signal, onProgress: ({ received }) => received === third && stop.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED", message: expect.stringContaining(`${third} bytes are kept`) });
    expect(existsSync(path)).toBe(false);
    await fetched(remote);
    expectWhole();
    expect(ranges.map(([range]) => range)).toEqual([undefined, `bytes=${third}-`]);
  });

  test("is tried again, and each time is told", async () => {
    const problems: string[] = [];
    const url = await serving(answering(503), answering(429), sending());
    await fetched(described(url), { onRetry: (problem) => problems.push(problem) });
    expectWhole();
    expect(problems).toEqual([`${url}/ answers with status 503; trying again in 0 s`, `${url}/ answers with status 429; trying again in 0 s`]);
  });
});

describe("a download that cannot be completed", () => {
  test("for bytes that are not the expected ones, leaves nothing", async () => {
    const wrong = Buffer.from(CONTENT);
    wrong[third] = wrong[third]! ^ 1;
    await fails(
      fetched(described(await serving(sending({ content: wrong, etag: '"1"' })))),
      /not send the expected file: its MD5 is [0-9a-f]{32}, and not [0-9a-f]{32}\. It was removed/,
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  test("for another size, is told before it is fetched", async () => {
    await fails(fetched(described(await serving(answering(200, "<html>moved</html>")))), /is a file of 18 bytes; expected 300000: it is a different file/);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("for a server that sends too much", async () => {
    const url = await serving((_, response) => void response.writeHead(200).end(Buffer.concat([CONTENT, CONTENT])));
    await fails(fetched(described(url)), /sends more than the expected 300000 bytes/);
    expect(existsSync(path)).toBe(false);
  });

  test("for a missing file, is told at once", async () => {
    await fails(fetched(described(await serving(answering(404)))), /status 404/);
    expect(ranges).toHaveLength(1);
  });

  test("after several attempts keeps what it has", async () => {
    await fails(fetched(described(await serving(sending({ until: third })))), /broke off .* gave up after 6 attempts.*resumes at byte 100000/);
    expect(ranges).toHaveLength(6);
    expect(readFileSync(part).equals(CONTENT.subarray(0, third))).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  test("because another program writes the part, says so", async () => {
    const url = await serving((_, response) => {
      response.writeHead(200, { "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, third));
      more = () => response.end(CONTENT.subarray(third));
    });
    let more = () => {};
    const onProgress = ({ received }: Received) => {
      if (received !== third) return;
      writeFileSync(part, "x", { flag: "a" });
      more();
    };
    await fails(fetched({ url }, { onProgress }), /file\.bin\.part is being written by another program, perhaps a second download: wait until that ends/);
    expect(existsSync(path)).toBe(false);
  });
});

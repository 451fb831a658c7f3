import { describe, expect, test } from "vitest";
import { InputError, toFailure, UsageError } from "../../src-main/contract/failure";
import { visible, visibleJson, visibleLines } from "../../src-main/contract/visible";

describe("a name is shown, not obeyed", () => {
  test.each([
    ["a terminal's commands", "\x1b[2J\x1b]0;title\x07\x9b31m\x7f", "\\u001b[2J\\u001b]0;title\\u0007\\u009b31m\\u007f"],
    ["a second line", "cat.png\nerror: none\r\tdone", "cat.png\\nerror: none\\r\\tdone"],
    ["separators that are lines elsewhere", "a\u2028b\u2029c\u0085d", "a\\u2028b\\u2029c\\u0085d"],
    ["text that runs backwards", "photo\u202egnp.exe\u2066\u200f", "photo\\u202egnp.exe\\u2066\\u200f"],
    ["what has no width", "a\u200bb\ufeffc\u00add\u2060", "a\\u200bb\\ufeffc\\u00add\\u2060"],
    ["tags, and halves of characters", "a\u{e0041}b\ud800c", "a\\udb40\\udc41b\\ud800c"],
    ["ordinary names stay", "größe 日本 عربي 👩‍🔬 C:\\new\\table", "größe 日本 عربي 👩‍🔬 C:\\new\\table"],
  ])("%s", (_, name, shown) => {
    expect(visible(name)).toBe(shown);
    expect(visible(shown)).toBe(shown);
  });

  test("lines that were meant stay lines, also in JSON, which means the same", () => {
    expect(visibleLines("a\x1b\nb")).toBe("a\\u001b\nb");
    const value = { name: "a\u202e\n\x9b\u{e0041}" };
    const json = visibleJson(value);
    expect(json).toMatch(/^[\x20-\x7e\n]+$/);
    expect(JSON.parse(json)).toEqual(value);
  });

  test("in every error that reaches a user", () => {
    expect(new InputError("x\x1b[2J\n/y cannot be read").message).toBe("x\\u001b[2J\\n/y cannot be read");
    expect(new UsageError(["two:", "x\ny"]).message).toBe("two:\nx\\ny");
    const refused = Object.assign(new Error("ENOENT: no such file, open 'x\u202e\n'"), { syscall: "open" });
    expect(toFailure(refused)).toEqual({ code: "INPUT", message: "ENOENT: no such file, open 'x\\u202e\\n'" });
    expect(toFailure(new Error("x\x1b")).message).toBe("x\\u001b");
  });
});

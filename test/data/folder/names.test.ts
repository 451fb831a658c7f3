import { expect, test } from "vitest";
import { byCodePoint, isEscaped, nameOf, shownPath, sortNames, systemPath } from "../../../src-main/data/folder/names";

test.each([
  ["a name in UTF-8", Buffer.from("café 🐱.png"), "café 🐱.png"],
  ["a byte of Latin-1", Buffer.from("caf\xe9.png", "latin1"), "caf\udce9.png"],
  ["bytes that begin a character and do not end it", Buffer.from([0x61, 0xe2, 0x82, 0x62]), "a\udce2\udc82b"],
  ["bytes of a half of a character", Buffer.from([0xed, 0xb3, 0xa9]), "\udced\udcb3\udca9"],
])("%s is a string, as in Python, and the system gets the same bytes back", (_, bytes, name) => {
  expect(nameOf(bytes)).toBe(name);
  expect(Buffer.from(systemPath(name) as string)).toEqual(bytes);
  expect(isEscaped(name)).toBe(typeof systemPath(name) !== "string");
});

test("bytes that are no UTF-8 are shown as such, and other characters as they are", () => {
  expect(shownPath("caf\udce9/🐱.png")).toBe("caf\\xe9/🐱.png");
  expect(shownPath("🐳.png")).toBe("🐳.png");
});

test("names are sorted as Python sorts them: by code points", () => {
  // sorted(["\uff21", "🐱", "b", "a", "é", "a\udce9", "\ud7ff"]) of Python 3.12
  expect(sortNames(["\uff21", "🐱", "b", "a", "é", "a\udce9", "\ud7ff"])).toEqual(["a", "a\udce9", "b", "é", "\ud7ff", "\uff21", "🐱"]);
  expect(sortNames(["10", "2", "1", "Z", "a"])).toEqual(["1", "10", "2", "Z", "a"]);
  expect(byCodePoint("a", "a")).toBe(0);
});

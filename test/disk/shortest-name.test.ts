import { expect, test } from "vitest";
import { shortestName } from "../../src-main/disk/shortest-name";

test.each([
  ["/runs/a/teacher.safetensors", ["/runs/a/other.safetensors"], "teacher.safetensors"],
  ["/runs/a/teacher.safetensors", ["/runs/b/teacher.safetensors"], "a/teacher.safetensors"],
  ["/x/a/teacher.safetensors", ["/y/a/teacher.safetensors", "/y/b/teacher.safetensors"], "x/a/teacher.safetensors"],
  ["/a/t", ["/a/t"], "t"],
  ["bundled", ["/a/bundled"], "bundled"],
])("%s beside %j is %s", (path, others, name) => {
  expect(shortestName(path, others)).toBe(name);
});

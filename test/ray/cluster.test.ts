import { expect, test } from "vitest";
import { headAddress, tokenFrom } from "../../src-main/ray/address";
import { jobsAtOnce, processorsEach } from "../../src-main/ray/cluster";

test("addresses and tokens", () => {
  expect(headAddress("ray://head.example").href).toBe("http://head.example:8265/");
  expect(headAddress("rays://head.example:443").href).toBe("https://head.example/");
  expect(() => headAddress("head.example:8265")).toThrow(/--on head\.example:8265: expected the head of a Ray cluster/);
  expect(tokenFrom({ RAY_AUTH_TOKEN: " secret " })).toBe("secret");
  expect(() => tokenFrom({ RAY_AUTH_TOKEN: "two words" })).toThrow(/RAY_AUTH_TOKEN: expected a token/);
  expect(() => tokenFrom({ RAY_AUTH_TOKEN_PATH: "/nowhere/token" })).toThrow(/cannot be read/);
});

test("the processors of a cluster are shared out, and a job is on one node", () => {
  const nodes = [8, 4].map((processors) => ({ id: "", address: "", isHead: false, gpus: 0, memoryBytes: 0, processors }));
  expect([1, 2, 3, 100].map((jobs) => processorsEach(nodes, jobs, 0))).toEqual([8, 6, 4, 1]);
  expect(jobsAtOnce(nodes, { processors: 4, gpus: 0 })).toBe(3);
  // The node without a GPU takes no job that asks for one.
  const withGpus = [nodes[0]!, { ...nodes[0]!, gpus: 2 }];
  expect([1, 2, 100].map((jobs) => processorsEach(withGpus, jobs, 1))).toEqual([8, 4, 4]);
  expect(processorsEach(withGpus, 100, 0.5)).toBe(2);
  expect([1, 0.5].map((gpus) => jobsAtOnce(withGpus, { processors: 2, gpus }))).toEqual([2, 4]);
});

import { expect, test } from "vitest";
import { imagesAtOnce } from "../../src-main/training/images-at-once";

test("images at once are all of a batch up to 160 px, fewer of larger ones, and parts that make a whole batch", () => {
  expect([8, 160, 161, 224, 320, 512, 1024].map(imagesAtOnce)).toEqual([32, 32, 16, 16, 8, 2, 1]);
});

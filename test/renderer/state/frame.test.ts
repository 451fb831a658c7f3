import { afterEach, expect, it, vi } from "vitest";
import { oncePerFrame } from "../../../src-renderer/state/frame";

afterEach(() => vi.unstubAllGlobals());

it("what is asked for many times happens once, with the next frame", () => {
  const frames: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => frames.push(callback));
  const change = vi.fn();
  const soon = oncePerFrame(change);
  for (let i = 0; i < 3; i++) soon();
  expect([change.mock.calls.length, frames.length]).toEqual([0, 1]);
  frames.pop()!();
  expect(change).toHaveBeenCalledTimes(1);
  soon();
  expect(frames).toHaveLength(1);
});

it("and at once where nothing is drawn", () => {
  const change = vi.fn();
  oncePerFrame(change)();
  expect(change).toHaveBeenCalledTimes(1);
});

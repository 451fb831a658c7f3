import { beforeEach, expect, test } from "vitest";
import { hasKey, IDLE_MS, Sessions } from "../../src-main/server/sessions";

let now: number;
let sessions: Sessions;
beforeEach(() => {
  now = 1_000_000;
  sessions = new Sessions(() => now);
});

test("each sign-in has secrets of its own, and a cookie has the key that was given with it alone", () => {
  const [first, second] = [sessions.begin(null), sessions.begin(null)];
  expect(new Set([first.cookie, first.key, second.cookie, second.key]).size).toBe(4);
  const session = sessions.find(first.cookie)!;
  expect([hasKey(session, first.key), hasKey(session, second.key), hasKey(session, first.cookie), hasKey(session, "")]).toEqual([true, false, false, false]);
  expect(sessions.find(first.key)).toBeNull();
});

test("a browser that signs in once more has other secrets, and stays the one that its windows are of", () => {
  const before = sessions.begin(null);
  const session = sessions.find(before.cookie)!;
  const after = sessions.begin(session);
  expect(sessions.find(after.cookie)).toBe(session);
  expect([sessions.find(before.cookie), hasKey(session, before.key), hasKey(session, after.key)]).toEqual([null, false, true]);
});

test("one that signs out is forgotten, and the others stay", () => {
  const [leaves, stays] = [sessions.begin(null), sessions.begin(null)];
  sessions.end(sessions.find(leaves.cookie)!);
  expect([sessions.find(leaves.cookie), sessions.find(stays.cookie) === null]).toEqual([null, false]);
});

test("one that is not used for a day is forgotten; a request, or an open window, is use", () => {
  const { cookie } = sessions.begin(null);
  now += IDLE_MS;
  const session = sessions.find(cookie)!;
  now += IDLE_MS;
  const leave = sessions.enter(session);
  now += 5 * IDLE_MS;
  expect(sessions.find(cookie)).toBe(session);
  now += 5 * IDLE_MS;
  leave();
  now += IDLE_MS;
  expect(sessions.find(cookie)).toBe(session);
  now += IDLE_MS + 1;
  expect(sessions.find(cookie)).toBeNull();
  // Signing in sweeps it out; it cannot be found again by a clock that goes back.
  sessions.begin(null);
  now -= IDLE_MS;
  expect(sessions.find(cookie)).toBeNull();
});

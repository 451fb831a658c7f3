import { expect, it } from "vitest";
import type { Listing } from "../../../src-main/contract/served";
import { Browsing, type Places } from "../../../src-renderer/browser/browsing.svelte";

/** A server whose folders are answered when a test says so, in any order. */
function slowPlaces() {
  const asked: { folder: string; part: string; answer(names?: string[]): Promise<void>; refuse(): Promise<void> }[] = [];
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve));
  const places: Places = {
    places: async () => ({ roots: ["/data"], start: "/data" }),
    listFolder: (folder, _, part) =>
      new Promise<Listing>((resolve, reject) => {
        const entries = (names: string[]) => names.map((name) => ({ name, isFolder: true, bytes: 0, changed: 0 }));
        asked.push({
          folder,
          part,
          answer: (names = []) => {
            resolve({ path: folder, entries: entries(names), left: { hidden: 0, unfit: 0, outside: 0, nameless: 0 }, more: 0 });
            return settle();
          },
          refuse: () => {
            reject(new Error("it cannot be read"));
            return settle();
          },
        });
      }),
    picked: async (path) => path,
  };
  const browsing = new Browsing(places, { kind: "folder", purpose: "data" }, "");
  return { asked, browsing, settle };
}

it("what is asked last is shown, whichever answer comes last; a name is looked for in the folder that is being opened", async () => {
  const { asked, browsing, settle } = slowPlaces();
  browsing.begin();
  await settle();
  await asked[0]!.answer(["leaves", "stones"]);
  browsing.open("/data/leaves");
  browsing.find("oak");
  expect(asked.map(({ folder, part }) => [folder, part])).toEqual([
    ["/data", ""],
    ["/data/leaves", ""],
    ["/data/leaves", "oak"],
  ]);
  await asked[2]!.answer(["oak"]);
  await asked[1]!.answer(["ash", "oak"]);
  expect(browsing).toMatchObject({ part: "oak", listing: { path: "/data/leaves", entries: [{ name: "oak" }] } });
});

it("a folder that cannot be read is said, and the one before stays, to be searched", async () => {
  const { asked, browsing, settle } = slowPlaces();
  browsing.begin();
  await settle();
  await asked[0]!.answer(["leaves"]);
  browsing.open("/data/leaves");
  await asked[1]!.refuse();
  expect(browsing).toMatchObject({ problem: "it cannot be read", listing: { path: "/data" } });
  browsing.find("lea");
  expect(asked[2]).toMatchObject({ folder: "/data", part: "lea" });
});

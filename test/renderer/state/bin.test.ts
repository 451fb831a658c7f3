import { beforeEach, describe, expect, it } from "vitest";
import { failure, settle, summary } from "../fakes";
import { startedStudio } from "../started-studio";

let { engine, studio } = {} as Awaited<ReturnType<typeof startedStudio>>;
beforeEach(async () => {
  ({ engine, studio } = await startedStudio());
});

describe("deleting a run", () => {
  beforeEach(async () => {
    await studio.predictWith(studio.runs.groups[0]!);
    studio.show("runs");
    await studio.runs.look(studio.runs.groups[0]!);
    await studio.runs.checked();
    Object.assign(engine.answers, { binRun: () => ({ directory: "/runs/.bin/one" }), restoreRun: () => ({ directory: "/runs/one" }) });
  });

  it("moves it to the bin, says where that is, leaves nothing of it on any screen, and is undone by one click", async () => {
    const { listRuns } = engine.answers;
    engine.answers.listRuns = () => [];
    await studio.bin.take(studio.runs.groups[0]!);
    expect(engine.paramsOf("binRun")).toEqual([{ directory: "/runs/one", runs: "/runs" }]);
    expect(studio).toMatchObject({ runs: { open: null, groups: [] }, prediction: { run: null } });
    expect(studio.message).toMatchObject({ kind: "done", text: expect.stringMatching(/^one is in the bin, \/runs\/\.bin, where it takes as much room/) });
    engine.answers.listRuns = listRuns!;
    studio.message!.action!.run();
    await settle();
    expect(engine.paramsOf("restoreRun")).toEqual([{ directory: "/runs/.bin/one", runs: "/runs" }]);
    expect(studio).toMatchObject({ message: { text: "one is back." }, runs: { groups: [{ name: "one" }] } });
  });

  it("offers no undo any more once the run was brought back from the bin", async () => {
    await studio.bin.take(studio.runs.groups[0]!);
    await studio.bin.restore({ directory: "/runs/.bin/one", name: "one" });
    expect(studio.message).toEqual({ kind: "done", text: "one is back." });
  });

  it("with others: all are there and come back together; where one is refused, those before it can be brought back", async () => {
    const several = ["one", "two", "three"].map((name) => ({ directory: `/runs/${name}`, name }));
    await studio.bin.takeAll(several);
    expect(studio.message).toMatchObject({ kind: "done", text: expect.stringMatching(/^3 runs are in the bin, .* where they take as much room/) });
    studio.message!.action!.run();
    await settle();
    expect(engine.paramsOf("restoreRun")).toHaveLength(3);
    expect(studio.message).toMatchObject({ text: "3 runs are back." });
    engine.answers.binRun = ({ directory }: { directory: string }) =>
      directory === "/runs/two" ? Promise.reject(failure("/runs/two is being trained by process 5")) : { directory: "/runs/.bin/one" };
    await studio.bin.takeAll(several);
    expect(studio.message).toMatchObject({
      kind: "problem",
      text: expect.stringMatching(/^\/runs\/two is being trained by process 5\none is in the bin/),
      action: { label: "Undo" },
    });
  });

  it("that is refused is said", async () => {
    engine.answers.binRun = () => Promise.reject(failure("/runs/one is being trained by process 5"));
    await studio.bin.take(studio.runs.groups[0]!);
    expect(studio.message).toEqual({ kind: "problem", text: "/runs/one is being trained by process 5" });
  });

  it.each([
    [[], "The bin is empty."],
    [["/runs/.bin/one/a"], "The runs in the bin are deleted. 1 file that is not the program's stays in it: /runs/.bin/one/a"],
  ])("for good is asked about, and names what stays", async (kept, words) => {
    engine.answers.deleteRun = () => ({ deleted: 1, kept });
    engine.answers.listRuns = ({ directory }) => (directory === "/runs/.bin" ? [summary("single", { directory: "/runs/.bin/one" })] : []);
    await studio.withBench((bench) => bench.showBin());
    studio.bin.askToEmpty();
    expect(studio.question).toMatchObject({ title: "Delete the run in the bin for good?", text: expect.stringContaining("cannot be undone") });
    await studio.answer(false);
    expect(engine.paramsOf("deleteRun")).toEqual([]);
    studio.bin.askToEmpty();
    await studio.answer(true);
    expect(engine.paramsOf("deleteRun")).toEqual([{ directory: "/runs/.bin/one" }]);
    expect(studio).toMatchObject({ message: { kind: "done", text: words }, bench: { binned: null } });
  });
});

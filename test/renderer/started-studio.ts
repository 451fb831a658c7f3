/** A page that has started, with an engine of canned answers. */
import type { ArmName } from "../../src-main/contract/arms";
import { Studio } from "../../src-renderer/state/studio.svelte";
import { deferred, details, FakeEngine, fakeBridge, studentRecipe, summary } from "./fakes";

export const info = { format: "cifar10-binary", classes: ["cat", "dog"], thumbnails: [], train: { count: 5000 } };

/** `end`: of the run that is watched. */
export async function startedStudio() {
  const end = deferred<unknown>();
  const engine = new FakeEngine({
    dataInfo: () => info,
    models: () => [{ name: "vit" }],
    doctor: () => ({}),
    listRuns: () => [summary("control"), summary("student")],
    readCourse: ({ directory }) => details((directory as string).split("/").at(-1) as ArmName),
    predict: ({ images }: { images: { path: string }[] }) => ({
      classes: ["cat", "dog"],
      images: images.map(({ path }) => ({ path, logits: [1, 2], probabilities: [] })),
      unreadable: [],
    }),
    recipeOf: () => studentRecipe,
    start: ({ out }) => ({ run: "id", directory: out }),
    watch: () => end.promise,
    list: () => [],
    control: () => ({ state: "stopping" }),
    deleteRun: () => ({ deleted: 2, kept: [] }),
    report: ({ out }) => ({ path: out }),
  });
  const fake = fakeBridge(engine, () => "/picked");
  const studio = new Studio(fake.bridge);
  await studio.start();
  return { engine, fake, studio, end };
}

/** What was sent to a cluster: ray.json in the folder of a sweep, written before anything is sent, so that whoever comes later finds the jobs again. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { InputError } from "../contract/failure";
import { CLUSTER_FILE } from "../contract/run-folder";
import { writeWhole } from "../disk/write-whole";

const schema = z.object({
  schema: z.literal(1),
  head: z.string(),
  /** Begins the name of each of its jobs. */
  id: z.string().regex(/^[\w-]+$/),
  /** Folder on storage that all nodes see; null: runs lie on the node that trains them until they are fetched. */
  storage: z.string().nullable(),
  dataThere: z.string().nullable(),
  node: z.string(),
  processors: z.int().min(1),
  members: z.array(
    z.object({
      words: z.string(),
      /** Below the folder of the sweep. */
      folder: z.string(),
      /** Jobs that trained it, the last one last. */
      jobs: z.array(z.string()),
      /** All of it is here. */
      fetched: z.boolean(),
    }),
  ),
});
type Content = z.infer<typeof schema>;
export type ClusterMember = Content["members"][number];
export type Settings = Pick<Content, "head" | "storage" | "dataThere" | "node" | "processors">;

export class Experiment {
  private constructor(
    readonly directory: string,
    private readonly content: Content,
  ) {}

  static begin(directory: string, settings: Settings, members: readonly { words: string; directory: string }[]): Experiment {
    const content = {
      schema: 1 as const,
      id: `distill-${randomBytes(5).toString("hex")}`,
      ...settings,
      members: members.map((member) => ({ words: member.words, folder: path.relative(directory, member.directory), jobs: [], fetched: false })),
    };
    const experiment = new Experiment(directory, content);
    experiment.#write();
    return experiment;
  }

  /** Throws an InputError if the folder holds none. */
  static open(directory: string): Experiment {
    const file = path.join(directory, CLUSTER_FILE);
    if (!existsSync(file)) throw new InputError(`${directory} was not trained on a cluster: there is no ${CLUSTER_FILE} in it`);
    try {
      return new Experiment(directory, schema.parse(JSON.parse(readFileSync(file, "utf8"))));
    } catch (cause) {
      throw new InputError(`${file} cannot be used: ${cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message}`, { cause });
    }
  }

  static isIn = (directory: string): boolean => existsSync(path.join(directory, CLUSTER_FILE));

  get settings(): Settings {
    return this.content;
  }

  get members(): readonly ClusterMember[] {
    return this.content.members;
  }

  directoryOf({ folder }: ClusterMember): string {
    return path.join(this.directory, folder);
  }

  /** Where it lies on storage; null if there is none. */
  storageOf({ folder }: ClusterMember): string | null {
    const { storage, id } = this.content;
    return storage === null ? null : path.posix.join(storage, id, folder.split(path.sep).join("/"));
  }

  /** Gives a member's next job a name, and remembers it before it is sent. */
  async nextJob(member: ClusterMember): Promise<string> {
    const number = this.content.members.indexOf(member) + 1;
    const again = member.jobs.length === 0 ? "" : `-again-${member.jobs.length}`;
    const id = `${this.content.id}-${number}${again}`;
    member.jobs.push(id);
    await this.#save();
    return id;
  }

  async markFetched(member: ClusterMember): Promise<void> {
    member.fetched = true;
    await this.#save();
  }

  #saving: Promise<void> | null = null;
  #pause = 0;

  /** Resolves when all changes so far are on disk. Those that come close together share a write: it takes at most a tenth of the time, however many jobs there are. */
  #save(): Promise<void> {
    this.#saving ??= sleep(this.#pause).then(() => {
      this.#saving = null;
      const began = performance.now();
      this.#write();
      this.#pause = 10 * (performance.now() - began);
    });
    return this.#saving;
  }

  #write(): void {
    writeWhole(path.join(this.directory, CLUSTER_FILE), `${JSON.stringify(this.content, null, 2)}\n`);
  }
}

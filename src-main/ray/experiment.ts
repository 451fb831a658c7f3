/** What was sent to a cluster: ray.json in the folder of a sweep, written before anything is sent, so that whoever comes later finds the jobs again. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { PlannedMember } from "../contract/engine";
import { InputError } from "../contract/failure";
import { CLUSTER_FILE, END_FILES } from "../contract/run-folder";
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
  /** Of each job; earlier versions asked for none. */
  gpus: z.number().min(0).default(0),
  members: z.array(
    z.object({
      words: z.string(),
      /** For lists, as "seed 3"; earlier versions had none. */
      name: z.string().optional(),
      /** Below the folder of the sweep. */
      folder: z.string(),
      /** Jobs that trained it, the last one last. */
      jobs: z.array(z.string()),
      /** All of it is here. */
      fetched: z.boolean(),
      /** Its last job ended before its end, and what there is of it is here: only another job goes on. Earlier versions did not say. */
      isOver: z.boolean().default(false),
    }),
  ),
});
type Content = z.infer<typeof schema>;
export type ClusterMember = Content["members"][number];
/** As "trial 3" of "trial 3, train.learningRate 0.001". */
export const nameOf = ({ name, words }: ClusterMember): string => name ?? words.split(",")[0]!;

export type Settings = Pick<Content, "head" | "storage" | "dataThere" | "node" | "processors" | "gpus">;

export class Experiment {
  private constructor(
    readonly directory: string,
    private readonly content: Content,
  ) {}

  static begin(directory: string, settings: Settings, members: readonly Pick<PlannedMember, "name" | "words" | "directory">[]): Experiment {
    const experiment = new Experiment(directory, { schema: 1, id: `distill-${randomBytes(5).toString("hex")}`, ...settings, members: [] });
    experiment.add(members);
    return experiment;
  }

  /** Adds those that it does not have. */
  add(members: readonly Pick<PlannedMember, "name" | "words" | "directory">[]): void {
    for (const { name, words, directory } of members) {
      const folder = path.relative(this.directory, directory);
      if (!this.content.members.some((member) => member.folder === folder))
        this.content.members.push({ name, words, folder, jobs: [], fetched: false, isOver: false });
    }
    this.#write();
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

  /** Begins the names of its jobs, and is that of nothing else. */
  get id(): string {
    return this.content.id;
  }

  get members(): readonly ClusterMember[] {
    return this.content.members;
  }

  directoryOf({ folder }: ClusterMember): string {
    return path.join(this.directory, folder);
  }

  /** Whether its run is here to its end: it came back, or this computer went on with it. */
  isHere(member: ClusterMember): boolean {
    return member.fetched || END_FILES.some((name) => existsSync(path.join(this.directoryOf(member), name)));
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
    member.isOver = false;
    await this.#save();
    return id;
  }

  /** Jobs that are submitted from now on find the data elsewhere. */
  moveData(dataThere: string): void {
    this.content.dataThere = dataThere;
    this.#write();
  }

  /** Where that cannot be written, the member is not fetched either: its job is still needed. */
  async markFetched(member: ClusterMember): Promise<void> {
    member.fetched = true;
    await this.#save().catch((error) => {
      member.fetched = false;
      throw error;
    });
  }

  async markOver(member: ClusterMember): Promise<void> {
    member.isOver = true;
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

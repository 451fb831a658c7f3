/** Networks that stay loaded between calls: reading the weights of a ResNet-18 takes far longer than its answer to an image. */
import { type BigIntStats, statSync } from "node:fs";
import { memory } from "../machine/memory";
import { backend } from "../tensor/tensor";
import { loadNetwork, type TrainedNetwork, type TrainedNetworkOptions, weightsPath } from "../training/network";

/** The most that they take, in bytes of weights; and no more than this share of the memory that is free. */
const MOST_BYTES = 1e9;
const SHARE_OF_FREE = 1 / 8;

interface Resident {
  network: TrainedNetwork;
  /** What its file was when it was read. */
  stamp: string;
  bytes: number;
  /** Calls under way that use it. */
  users: number;
}

/** `mostBytes`: in tests, another limit. */
export class ResidentNetworks {
  /** By what was asked for, the one that was used longest ago first. */
  readonly #kept = new Map<string, Resident>();

  constructor(private readonly mostBytes: () => number = () => Math.min(MOST_BYTES, memory().available * SHARE_OF_FREE)) {}

  /** Loads the network, unless it is there and its file has not changed since. It must not be used after `work`. Throws as `loadNetwork` does. */
  async use<Result>(options: TrainedNetworkOptions, work: (network: TrainedNetwork) => Promise<Result>): Promise<Result> {
    const resident = this.#taken(options);
    try {
      return await work(resident.network);
    } finally {
      resident.users--;
      if (resident.users === 0 && ![...this.#kept.values()].includes(resident)) resident.network.model.release();
    }
  }

  /** Gives their memory back: at once, or when the calls that use them end. */
  release(): void {
    if (this.#kept.size === 0) return;
    for (const key of [...this.#kept.keys()]) this.#drop(key);
    backend().trimMemory();
  }

  /** With one user more. */
  #taken({ model, weights, imageSize, patchSize, mean, std }: TrainedNetworkOptions): Resident {
    const options = { model, weights, imageSize, patchSize, mean, std };
    const key = JSON.stringify(options);
    // Of the file before it is read: one that changes meanwhile is read again by the next call.
    const stamp = stampOf(statSync(weightsPath(options), { bigint: true, throwIfNoEntry: false }));
    const known = this.#kept.get(key);
    if (known?.stamp === stamp) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      known.users++;
      return known;
    }
    this.#drop(key);
    const network = this.#load(options);
    const bytes = 4 * [...network.model.weights().values()].reduce((sum, { size }) => sum + size, 0);
    const resident = { network, stamp, bytes, users: 1 };
    this.#kept.set(key, resident);
    this.#makeRoom();
    return resident;
  }

  #load(options: TrainedNetworkOptions): TrainedNetwork {
    try {
      return loadNetwork(options);
    } catch (error) {
      if (this.#kept.size === 0 || (error as { code?: unknown }).code !== "OUT_OF_MEMORY") throw error;
      this.release();
      return loadNetwork(options);
    }
  }

  /** One that alone is too large goes as well: it is released after its use. */
  #makeRoom(): void {
    const most = this.mostBytes();
    for (const key of [...this.#kept.keys()]) {
      const bytes = [...this.#kept.values()].reduce((sum, resident) => sum + resident.bytes, 0);
      if (bytes <= most) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const resident = this.#kept.get(key);
    this.#kept.delete(key);
    if (resident?.users === 0) resident.network.model.release();
  }
}

/** ctime as well: a copy may bring its time of change along. */
const stampOf = (stats: BigIntStats | undefined): string => (stats ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(" ") : "");

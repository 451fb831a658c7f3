import cliProgress from "cli-progress";
import type { Notice } from "../contract/notices";
import type { ProgressBody } from "../contract/progress-event";
import { visible, visibleJson } from "../contract/visible";
import { batchWords, count, duration, epochWords, fitted, measuredWords, megabytes } from "./words";
import type { World } from "./world";

/** Shows the engine's progress notices of a long call on standard error. */
export interface ProgressView {
  show(notice: Notice): void;
  /** Prints a line of the command line's own. */
  say(text: string): void;
  end(): void;
}

/** text: for people, a bar or lines. json: for programs, as `progressEvent` (contract) describes it. */
export type ProgressForm = "text" | "json";

export function progressView(world: World, form: ProgressForm): ProgressView {
  if (form === "json") return new EventView(world);
  return world.err.isTTY ? new BarView(world) : new LineView(world);
}

/** How far a call has come, with details such as the loss as `words`. */
interface Step {
  done: number;
  total: number;
  label: string;
  words: readonly string[];
}

/** Turns notices into lines that stay and steps that are overwritten. Remembers the number of epochs that each arm reports at its start. */
class Narrator {
  readonly #epochs = new Map<string, number>();

  line(notice: Notice): string | null {
    switch (notice.type) {
      case "warning":
        return `${who(notice)}warning: ${notice.text}`;
      case "note":
        return `${who(notice)}${notice.text}`;
      case "measured":
        return measuredWords(notice.record);
      case "state":
        return notice.state;
      case "member":
        return `${notice.words} (${notice.index + 1} of ${notice.total}), in ${notice.directory}`;
      case "started":
        this.#epochs.set(named(notice), notice.epochs);
        return `${named(notice)}${count(notice.epochs, "epoch")}, batches per epoch: ${notice.batchesPerEpoch}, in ${notice.directory}`;
      case "epoch":
        return `${named(notice)}epoch ${notice.record.epoch}/${this.#epochs.get(named(notice))}  ${epochWords(notice.record)}`;
      default:
        return null;
    }
  }

  step(notice: Notice): Step | null {
    if (notice.type === "download") {
      const { received, total, secondsLeft } = notice;
      const words = [`${megabytes(received)} of ${megabytes(total)}`, ...timeLeft(secondsLeft)];
      return { done: received, total, label: "download", words };
    }
    if (notice.type === "work") {
      const { name, done, total, secondsLeft } = notice;
      return { done, total, label: name, words: timeLeft(secondsLeft) };
    }
    const record = notice.type === "batches" ? notice.records.at(-1) : undefined;
    if (notice.type !== "batches" || !record) return null;
    const { done, total, imagesPerSecond, secondsLeft } = notice.progress;
    // Of several trainings at once, the bar shows how far all are.
    const label = notice.job === undefined ? `${named(notice)}epoch ${record.epoch}/${this.#epochs.get(named(notice))}` : "all jobs";
    return { done, total, label, words: batchWords(record, imagesPerSecond, secondsLeft) };
  }
}

function timeLeft(seconds: number | null): string[] {
  return seconds === null ? [] : [`${duration(seconds)} left`];
}

/** Of several trainings at once, which one. */
const who = ({ job }: Pick<Notice, "job">) => (job === undefined ? "" : `${job}: `);

function named({ arm, job }: { arm: string; job?: string }): string {
  return `${who({ job })}${arm === "single" ? "" : `${arm} `}`;
}

const LONGEST_BAR = 14;
const SHORTEST_BAR = 4;

/** A step in at most `columns` characters. To fit, the bar gets shorter, then it is dropped, then the words are dropped from the first on. */
function barLine({ done, total, label, words }: Step, columns: number): string {
  const share = done / total;
  const percentage = `${Math.floor(100 * share)}%`.padStart(4);
  const line = [label, percentage, ...words].join("  ");
  const size = Math.min(LONGEST_BAR, columns - line.length - 2);
  if (size >= SHORTEST_BAR) {
    const full = Math.round(size * share);
    return [label, "█".repeat(full) + "░".repeat(size - full), percentage, ...words].join("  ");
  }
  return line.length > columns && words.length > 1 ? barLine({ done, total, label, words: words.slice(1) }, columns) : fitted(line, columns);
}

const ERASE_LINE = "\r\x1b[K";

/** For a terminal: a bar at the bottom, lines above it. */
class BarView implements ProgressView {
  readonly #narrator = new Narrator();
  readonly #bars: cliProgress.MultiBar;
  #bar: cliProgress.SingleBar | null = null;

  constructor(private readonly world: World) {
    const format = (_: cliProgress.Options, { value, total }: cliProgress.Params, { label, words }: Pick<Step, "label" | "words">) =>
      barLine({ done: value, total, label, words }, this.#columns);
    const stream = world.err as NodeJS.WriteStream;
    // linewrap: the bar itself fits, and lines above it may be longer than the terminal is wide. gracefulExit: Ctrl-C is handled elsewhere, so
    // the bar must not end the process.
    this.#bars = new cliProgress.MultiBar({ format, stream, linewrap: true, hideCursor: true, clearOnComplete: true, forceRedraw: true, gracefulExit: false });
  }

  show(notice: Notice): void {
    if (notice.type === "phase") this.#phase(visible(notice.text));
    const line = this.#narrator.line(notice);
    if (line) this.say(visible(line));
    const step = this.#narrator.step(notice);
    if (!step) return;
    if (!this.#bar) this.world.err.write(ERASE_LINE);
    const { done, total, label, words } = step;
    this.#bar ??= this.#bars.create(total, 0, { label, words });
    this.#bar.setTotal(total);
    this.#bar.update(done, { label, words });
  }

  say(text: string): void {
    if (this.#bar) this.#bars.log(`${text}\n`);
    else this.world.err.write(`${ERASE_LINE}${text}\n`);
  }

  end(): void {
    if (!this.#bar) {
      this.world.err.write(ERASE_LINE);
      return;
    }
    // Writes the lines that still wait for the next redraw.
    this.#bars.update();
    this.#bars.stop();
    this.#bar = null;
  }

  /** Shows a passing text: in the place of the bar before there is one, later at the end of the bar. */
  #phase(text: string): void {
    if (this.#bar) this.#bar.update({ words: [text] });
    else this.world.err.write(`${ERASE_LINE}${fitted(text, this.#columns)}`);
  }

  /** One column less than the terminal has: some terminals wrap after the last one. */
  get #columns(): number {
    return (this.world.err.columns || 80) - 1;
  }
}

/** How long to wait between two lines of progress in a file: for the time or the share, whichever comes first. */
const EVERY_MS = 5000;
const EVERY_SHARE = 0.1;

/** For a file or a pipe: plain lines from time to time. */
class LineView implements ProgressView {
  readonly #narrator = new Narrator();
  readonly #phases = new Set<string>();
  #lastTime: number;
  #lastShare = 0;

  constructor(private readonly world: World) {
    this.#lastTime = world.now().getTime();
  }

  show(notice: Notice): void {
    if (notice.type === "phase") this.#phase(visible(notice.text));
    const line = this.#narrator.line(notice);
    if (line) this.say(visible(line));
    const step = this.#narrator.step(notice);
    if (step && this.#isDue(step)) this.say(`${step.label}  ${Math.floor((100 * step.done) / step.total)}%  ${step.words.join("  ")}`);
  }

  say(text: string): void {
    this.world.err.write(`${text}\n`);
    this.#lastTime = this.world.now().getTime();
  }

  end(): void {}

  /** Prints a phase once, and one that counts ("Reading the images: 10 of 500") again from time to time. */
  #phase(text: string): void {
    const [name, counting] = text.split(":");
    if (!this.#phases.has(name!) || (counting && this.#wasQuiet())) this.say(text);
    this.#phases.add(name!);
  }

  #isDue({ done, total }: Step): boolean {
    const share = done / total;
    if (!this.#wasQuiet() && share - this.#lastShare < EVERY_SHARE && share < 1) return false;
    this.#lastShare = share;
    return true;
  }

  #wasQuiet(): boolean {
    return this.world.now().getTime() - this.#lastTime >= EVERY_MS;
  }
}

/** For a program: every notice as a line of JSON, as soon as it comes. */
class EventView implements ProgressView {
  constructor(private readonly world: World) {}

  show({ id: _, ...notice }: Notice): void {
    writeEvent(this.world, notice as ProgressBody);
  }

  say(text: string): void {
    writeEvent(this.world, { type: "note", text });
  }

  end(): void {}
}

export function writeEvent(world: World, body: ProgressBody): void {
  world.err.write(`${visibleJson({ time: world.now().toISOString(), ...body }, 0)}\n`);
}

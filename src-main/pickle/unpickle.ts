/**
 * Reads Python's pickles, protocols 0 to 5, without executing anything: calls of known names become inert values (`Made`), and names that are not
 * known are refused. The opcodes are those of Python's Lib/pickletools.py.
 */
import { Reader } from "./reader";
import { PickleError } from "./refusal";
import { Global, Made, type Value } from "./values";

export interface UnpickleOptions {
  /** Names of functions and classes that may occur, as "module.name". They are never called. */
  globals: ReadonlySet<string>;
  /** The value that a persistent id stands for; without it, such ids are refused. */
  load?: (id: Value) => Value;
  /** Where the pickle begins. */
  start?: number;
}

/** Far more than the checkpoints of large models have, and few enough that no pickle takes seconds or gigabytes. */
const MOST_STEPS = 5_000_000;
/** Values that wait to be put somewhere; honest pickles have a thousand for each list or dict, and all of a tuple. */
const MOST_WAITING = 100_000;
const DEEPEST = 10_000;

/** Reads one pickle. `end` is the position after it. Throws a PickleError that says why it is refused. */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): { value: Value; end: number } {
  return new Machine(bytes, options).run();
}

class Machine {
  readonly #reader: Reader;
  readonly #memo = new Map<number, Value>();
  /** The values since the last mark, and those before each mark. */
  #stack: Value[] = [];
  readonly #marked: Value[][] = [];
  #waiting = 0;

  constructor(
    bytes: Uint8Array,
    private readonly options: UnpickleOptions,
  ) {
    this.#reader = new Reader(bytes, options.start ?? 0);
  }

  run(): { value: Value; end: number } {
    for (let step = 0; step < MOST_STEPS; step++) {
      const code = this.#reader.u8();
      if (code === STOP) return { value: this.#pop(), end: this.#reader.position };
      const constant = CONSTANTS.get(code);
      if (constant !== undefined) this.#push(constant());
      else if (!this.#literal(code) && !this.#structure(code) && !this.#object(code)) throw new PickleError(`has the unknown opcode ${code}`);
    }
    throw new PickleError(`has more than ${MOST_STEPS} steps`);
  }

  /** Numbers and texts. */
  #literal(code: number): boolean {
    const read = LITERALS.get(code);
    if (read) this.#push(read(this.#reader));
    return read !== undefined;
  }

  /** Lists, tuples, dicts, and the memo. */
  #structure(code: number): boolean {
    const reader = this.#reader;
    switch (char(code)) {
      case "(":
        return this.#mark();
      case "t":
      case "l":
      case "\x91":
        return this.#push(this.#popMark());
      case "d":
        return this.#push(fill(new Map(), this.#popMark()));
      case "\x85":
      case "\x86":
      case "\x87":
        return this.#push(Array.from({ length: code - 0x84 }, () => this.#pop()).reverse());
      case "a":
        return this.#append([this.#pop()]);
      case "e":
      case "\x90":
        return this.#append(this.#popMark());
      case "s": {
        const value = this.#pop();
        return this.#set([this.#pop(), value]);
      }
      case "u":
        return this.#set(this.#popMark());
      case "0":
        // Python's, too, takes a mark where it finds one.
        if (this.#stack.length === 0) this.#popMark();
        else this.#pop();
        return true;
      case "1":
        this.#popMark();
        return true;
      case "2":
        return this.#push(this.#top());
      case "p":
        return this.#put(Number(reader.line()));
      case "q":
        return this.#put(reader.u8());
      case "r":
        return this.#put(reader.u32());
      case "\x94":
        return this.#put(this.#memo.size);
      case "g":
        return this.#get(Number(reader.line()));
      case "h":
        return this.#get(reader.u8());
      case "j":
        return this.#get(reader.u32());
      default:
        return false;
    }
  }

  /** What Python would execute, and where pickles begin. */
  #object(code: number): boolean {
    const reader = this.#reader;
    switch (char(code)) {
      case "\x80": {
        const protocol = reader.u8();
        if (protocol > 5) throw new PickleError(`has protocol ${protocol}; 0 to 5 are known`);
        return true;
      }
      case "\x95":
        reader.skip(8);
        return true;
      case "c": {
        const module = reader.line();
        return this.#global(module, reader.line());
      }
      case "\x93": {
        const name = this.#pop();
        return this.#global(this.#pop(), name);
      }
      case "R":
      case "\x81": {
        const args = this.#pop();
        return this.#make(this.#pop(), args);
      }
      case "\x92":
        // Named arguments are of no use to anyone here.
        this.#pop();
        return this.#object(0x81);
      case "b": {
        const state = this.#pop();
        const made = this.#top();
        if (!(made instanceof Made)) throw new PickleError("sets the state of something that is no object");
        made.state = state;
        return true;
      }
      case "Q": {
        const { load } = this.options;
        if (!load) throw new PickleError("refers to something outside of it");
        return this.#push(load(this.#pop()));
      }
      default:
        return false;
    }
  }

  // ---- The stack ----------------------------------------------------------------------------------------------------------------------

  #push(value: Value): true {
    this.#stack.push(value);
    if (++this.#waiting > MOST_WAITING) throw new PickleError(`nests or lists more than ${MOST_WAITING} values at once`);
    return true;
  }

  #pop(): Value {
    if (this.#stack.length === 0) throw new PickleError("takes more values than it has");
    this.#waiting--;
    return this.#stack.pop()!;
  }

  #top(): Value {
    if (this.#stack.length === 0) throw new PickleError("takes more values than it has");
    return this.#stack.at(-1)!;
  }

  #mark(): true {
    if (this.#marked.length >= DEEPEST) throw new PickleError(`nests more than ${DEEPEST} values`);
    this.#marked.push(this.#stack);
    this.#stack = [];
    return true;
  }

  #popMark(): Value[] {
    const before = this.#marked.pop();
    if (!before) throw new PickleError("takes more values than it has");
    const values = this.#stack;
    this.#stack = before;
    this.#waiting -= values.length;
    return values;
  }

  #put(key: number): true {
    this.#memo.set(key, this.#top());
    return true;
  }

  #get(key: number): true {
    const value = this.#memo.get(key);
    if (value === undefined) throw new PickleError("remembers a value that it never had");
    return this.#push(value);
  }

  // ---- Containers and objects ---------------------------------------------------------------------------------------------------------

  #append(values: readonly Value[]): true {
    const list = this.#top();
    // A class of its own that is a list keeps nothing: nobody looks into it.
    if (Array.isArray(list)) for (const value of values) list.push(value);
    else if (!(list instanceof Made)) throw new PickleError("appends to something that is no list");
    return true;
  }

  #set(pairs: readonly Value[]): true {
    const target = this.#top();
    if (!(target instanceof Map || target instanceof Made)) throw new PickleError("sets an entry of something that is no dict");
    fill(target instanceof Made ? target.items : target, pairs);
    return true;
  }

  #global(module: Value, name: Value): true {
    const full = `${module}.${name}`;
    if (typeof module !== "string" || typeof name !== "string" || !this.options.globals.has(full))
      throw new PickleError(`asks for ${JSON.stringify(full.slice(0, 100))}`, full.slice(0, 100));
    return this.#push(new Global(full));
  }

  #make(callee: Value, args: Value): true {
    if (!(callee instanceof Global) || !Array.isArray(args)) throw new PickleError("calls something that is no function");
    return this.#push(new Made(callee.name, args));
  }
}

function fill(map: Map<Value, Value>, pairs: readonly Value[]): Map<Value, Value> {
  if (pairs.length % 2 !== 0) throw new PickleError("has a dict with a key without a value");
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i]!, pairs[i + 1]!);
  return map;
}

// ---- Opcodes ------------------------------------------------------------------------------------------------------------------------

const char = String.fromCharCode;
const codeOf = (name: string) => name.charCodeAt(0);
const table = <T>(entries: Record<string, T>): ReadonlyMap<number, T> => new Map(Object.entries(entries).map(([name, entry]) => [codeOf(name), entry]));

const STOP = codeOf(".");

const CONSTANTS = table<() => Value>({
  ")": () => [],
  "]": () => [],
  "\x8f": () => [],
  "}": () => new Map(),
  N: () => null,
  "\x88": () => true,
  "\x89": () => false,
});

const LITERALS = table<(reader: Reader) => Value>({
  I: (reader) => reader.integerLine(),
  L: (reader) => reader.integerLine(),
  F: (reader) => Number(reader.line()),
  S: (reader) => reader.quotedLine(),
  V: (reader) => reader.line(),
  K: (reader) => reader.u8(),
  M: (reader) => reader.u16(),
  J: (reader) => reader.i32(),
  G: (reader) => reader.float64(),
  "\x8a": (reader) => reader.integer(reader.u8()),
  "\x8b": (reader) => reader.integer(reader.u32()),
  // Texts of Python 2, which may be any bytes.
  U: (reader) => reader.text(reader.u8(), "latin1"),
  T: (reader) => reader.text(reader.u32(), "latin1"),
  X: (reader) => reader.text(reader.u32(), "utf8"),
  "\x8c": (reader) => reader.text(reader.u8(), "utf8"),
  "\x8d": (reader) => reader.text(reader.u64(), "utf8"),
  C: (reader) => reader.bytes(reader.u8()),
  B: (reader) => reader.bytes(reader.u32()),
  "\x8e": (reader) => reader.bytes(reader.u64()),
  "\x96": (reader) => reader.bytes(reader.u64()),
});

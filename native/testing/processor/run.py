"""Executes the machine code of the AVX-512 and AMX kernels in an emulated processor; see README.md.

python run.py [native/build]: the folder where both builds of the addon are.
"""

import ctypes
import mmap
import os
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1]
BUILD = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else NATIVE / "build"
OUT = BUILD / "processor"
OPS = ["linear", "layer_norm", "gelu", "elementwise", "attention", "batch_norm", "conv2d"]
RAM = 256 << 20


# ---- Building


def objects(folder):
    """The objects of an AVX-512 or AMX variant."""
    found = [folder / f"{op}.{isa}.cpp.o" for op in OPS for isa in ("avx512", "avx512_bf16", "amx")]
    return [str(path) for path in found if path.exists()]


def compile(output, *arguments):
    flags = ["-O1", f"-I{NATIVE}", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
    subprocess.run(["g++", *flags, *map(str, arguments), "-o", str(OUT / output)], check=True)
    return OUT / output


def build():
    OUT.mkdir(exist_ok=True)
    lowered = BUILD / "cpu/lowered/CMakeFiles/distill_core_lowered.dir"
    table = BUILD / "CMakeFiles/distill_objects.dir/cpu/gelu_table.cpp.o"
    compile("expected", "-std=c++20", HERE / "cases.cpp", HERE / "expected.cpp", *objects(lowered / "__"), lowered / "tiles.cpp.o", table)
    compile("tiles.so", "-std=c++20", "-mavx2", "-mfma", "-shared", "-fPIC", HERE / "tiles.cpp", NATIVE / "cpu/lowered/tiles.cpp")
    compile("bochs.so", "-shared", "-fPIC", "-xc", HERE / "bochs.c")
    freestanding = ["-std=c++20", "-static", "-nostdlib", "-no-pie", "-fno-pie", "-ffreestanding", "-fno-exceptions", "-fno-stack-protector"]
    compile("program", *freestanding, "-Wl,--build-id=none,-Ttext-segment=0x400000", HERE / "cases.cpp", HERE / "program.cpp",
            *objects(BUILD / "CMakeFiles/distill_core.dir/cpu"))  # fmt: skip


# ---- Results


def results(data):
    """{name: (storage, numbers as raw integers)} of what cases.h describes."""
    found, at = {}, 0
    while at < len(data):
        name, storage, size = struct.unpack_from("<112sqq", data, at)
        at += 128
        name = name.split(b"\0")[0].decode()
        if name in found:
            raise ValueError(f"two results are called {name}")
        found[name] = ("f32" if storage == 0 else "bf16", data[at : at + size])
        at += (size + 7) // 8 * 8
    return found


def numbers(storage, data):
    if storage == "f32":
        return struct.unpack(f"<{len(data) // 4}f", data)
    return [struct.unpack("<f", struct.pack("<I", bits << 16))[0] for bits in struct.unpack(f"<{len(data) // 2}H", data)]


def compare(expected, actual):
    """Prints what differs, and how many results differ by roundings and by more. Compilers choose where to fuse a multiplication and an
    addition, and the two builds choose differently. That changes the last digits in fp32, and a few of the numbers that are then rounded
    to bf16."""
    roundings = wrong = 0
    for name, (storage, wanted) in expected.items():
        if name not in actual or actual[name][1] == wanted:
            continue
        a, b = numbers(storage, wanted), numbers(storage, actual[name][1])
        places = [i for i in range(len(a)) if a[i] != b[i]]
        error = (sum((x - y) ** 2 for x, y in zip(a, b)) / (sum(x * x for x in a) or 1)) ** 0.5
        agrees = error <= 1e-6 if storage == "f32" else error <= 1e-3 and len(places) <= max(1, len(a) // 100)
        roundings, wrong = roundings + agrees, wrong + (not agrees)
        first = [f"[{i}] {a[i]:.9g} {b[i]:.9g}" for i in places[:3]]
        print(f"  {'roundings' if agrees else 'WRONG'}: {name}: {len(places)} of {len(a)} numbers, relative L2 {error:.1e}; "
              f"lowered, processor: {', '.join(first)}")  # fmt: skip
    return roundings, wrong


# ---- Instructions


class Instructions:
    """Carries out what Bochs does not: the tile instructions, which this build of it leaves out, and vcvtne2ps2bf16, of whose two sources it
    takes the second twice."""

    REGISTERS = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{i}" for i in range(8, 16))]
    CONFIGURATION = bytes([1] + [0] * 15) + struct.pack("<16H", *[64] * 8, *[0] * 8) + bytes([16] * 8 + [0] * 8)
    CONVERSION = 0xFF  # stands for its opcode, so that Bochs does not know it

    def __init__(self, ram, base, vectors):
        self.ram, self.base, self.vectors = ram, base, vectors
        self.count, self.configured = Counter(), False
        self.library = ctypes.CDLL(str(OUT / "tiles.so"))
        self.library.tile_load.argtypes = self.library.tile_store.argtypes = [ctypes.c_int, ctypes.c_uint64, ctypes.c_int64]
        self.library.convert_two.argtypes = [ctypes.c_uint64] * 3
        for name in ("configure", "release", "zero", "load", "store", "dot"):
            getattr(self.library, f"tile_{name}").restype = ctypes.c_char_p

    def hide_conversions(self, program):
        lines = subprocess.run(["objdump", "-d", str(program)], check=True, capture_output=True, text=True).stdout.splitlines()
        for line in lines:
            if "vcvtne2ps2bf16" in line:
                at = int(line.split(":")[0], 16)
                assert self.ram[at] == 0x62 and self.ram[at + 4] == 0x72, line
                self.ram[at + 4] = self.CONVERSION

    def execute(self, cpu, rip, rsp):
        """Carries out the instruction at rip; its length in bytes."""
        code = self.ram[rip : rip + 16]
        if code[0] == 0xC4 and code[1] & 0x1F == 2 and not code[2] & 0x84:
            return self.tile(cpu, rip, rsp, code)
        if code[0] == 0x62 and code[1] & 0xF == 2 and code[2] & 0x87 == 0x07 and code[3] & 0xF7 == 0x40 and code[4] == self.CONVERSION:
            return self.convert(cpu, rip, rsp, code)
        raise ValueError(f"unknown instruction: {code.hex(' ')}")

    def convert(self, cpu, rip, rsp, code):
        self.count["convert"] += 1
        modrm, extended = code[5], ~code[1]
        vector = lambda number: self.base + self.vectors + 64 * number  # noqa: E731
        to = vector(modrm >> 3 & 7 | extended >> 4 & 8 | extended & 0x10)
        first = vector(~code[2] >> 3 & 15 | (~code[3] & 8) << 1)
        if modrm >> 6 == 3:
            second, length = vector(modrm & 7 | (extended & 0x20) >> 2 | (extended & 0x40) >> 2), 6
        else:
            address, _, length = self.address(cpu, rip, rsp, code, 5, 64)
            second = self.base + address
        self.library.convert_two(first, second, to)
        return length

    def call(self, name, *arguments):
        self.count[name] += 1
        mistake = getattr(self.library, f"tile_{name}")(*arguments)
        if mistake:
            raise ValueError(mistake.decode())

    def tile(self, cpu, rip, rsp, code):
        prefix, opcode, modrm = code[2] & 3, code[3], code[4]
        other = ~code[2] >> 3 & 15
        mod, reg, rm = modrm >> 6, modrm >> 3 & 7, modrm & 7
        if not code[1] & 0x80 or (mod == 3 and not code[1] & 0x20):
            raise ValueError("a tile above 7")
        if opcode == 0x5C and prefix == 2 and mod == 3 and other < 8:
            self.call("dot", reg, rm, other)
            return 5
        if other == 0:
            if opcode == 0x49 and mod == 3 and prefix == 3 and rm == 0:
                self.call("zero", reg)
                return 5
            if opcode == 0x49 and modrm == 0xC0 and prefix == 0:
                self.configured = False
                self.call("release")
                return 5
            address, stride, length = self.address(cpu, rip, rsp, code, 4, 1)
            if opcode == 0x49 and mod != 3 and reg == 0 and prefix == 0:
                if self.ram[address : address + 64] != self.CONFIGURATION:
                    raise ValueError(f"an unexpected configuration: {self.ram[address : address + 64].hex(' ')}")
                self.configured = True
                self.call("configure")
                return length
            if opcode == 0x4B and mod != 3 and prefix in (1, 2, 3) and rm == 4:
                address -= stride  # which is the index
                if not (0 <= address < RAM - 64 and 0 <= address + 15 * stride < RAM - 64):
                    raise ValueError(f"a tile at {address:#x}, rows {stride} bytes apart")
                self.call("store" if prefix == 2 else "load", reg, self.base + address, stride)
                return length
        raise ValueError(f"unknown instruction: {code.hex(' ')}")

    def address(self, cpu, rip, rsp, code, at, unit):
        """Address, index (already scaled, part of the address) and length of an instruction whose operand is in memory. `at` is where its
        ModRM byte is, and `unit` what a displacement of one byte counts in."""

        def register(number, extended):
            name = self.REGISTERS[number + (8 if extended else 0)]
            return rsp if name == "rsp" else getattr(cpu, name)

        mod, rm, extended = code[at] >> 6, code[at] & 7, ~code[1]
        at += 1
        base = index = 0
        relative = False
        if rm == 4:
            sib = code[at]
            at += 1
            if sib >> 3 & 7 != 4 or extended & 0x40:
                index = register(sib >> 3 & 7, extended & 0x40) << (sib >> 6)
            if sib & 7 == 5 and mod == 0:
                mod = 2
            else:
                base = register(sib & 7, extended & 0x20)
        elif rm == 5 and mod == 0:
            relative, mod = True, 2
        else:
            base = register(rm, extended & 0x20)
        if mod == 1:
            base += struct.unpack_from("<b", code, at)[0] * unit
        elif mod == 2:
            base += struct.unpack_from("<i", code, at)[0]
        at += (0, 1, 4)[mod]
        if relative:
            base += rip + at
        index = (index + (1 << 63)) % (1 << 64) - (1 << 63)
        return (base + index) % (1 << 64), index, at


# ---- The processor


def load_bochs():
    sys.setdlopenflags(os.RTLD_LAZY | os.RTLD_GLOBAL)
    ctypes.CDLL(str(OUT / "bochs.so"), os.RTLD_LAZY | os.RTLD_GLOBAL)
    import bochscpu
    import bochscpu.cpu
    import bochscpu.memory

    return bochscpu


def symbols(program):
    lines = subprocess.run(["nm", str(program)], check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[-1]: int(line.split()[0], 16) for line in lines if len(line.split()) == 3}


def put_program(ram, program):
    """Copies its segments to their addresses; the address where it begins."""
    data = program.read_bytes()
    entry, headers = struct.unpack_from("<QQ", data, 24)
    for i in range(struct.unpack_from("<H", data, 56)[0]):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, headers + 56 * i)
        if kind == 1:
            ram[address : address + size] = data[offset : offset + size]
    return entry


PAGES, GDT, IDT, TSS, STACKS = 0x1000, 0x4000, 0x5000, 0x6000, RAM - 64


def put_tables(ram, handler):
    """Pages that map every address to itself, segments, and the handler of "invalid opcode" with a stack of its own: the code is that of a
    program of Linux and uses memory below its stack pointer."""
    write = lambda at, data: ram.__setitem__(slice(at, at + len(data)), data)  # noqa: E731
    write(PAGES, struct.pack("<Q", PAGES + 0x1000 | 3))
    write(PAGES + 0x1000, struct.pack("<Q", PAGES + 0x2000 | 3))
    write(PAGES + 0x2000, b"".join(struct.pack("<Q", page << 21 | 0x83) for page in range(RAM >> 21)))
    write(GDT, struct.pack("<4Q", 0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF))
    write(TSS + 36, struct.pack("<Q", STACKS))
    write(IDT + 6 * 16, struct.pack("<HHBBHIi", handler & 0xFFFF, 0x10, 1, 0x8E, handler >> 16 & 0xFFFF, handler >> 32, 0))


def segment(bochscpu, selector, attributes, base=0, limit=0xFFFFFFFF):
    made = bochscpu.Segment()
    made.present, made.selector, made.base, made.limit, made.attr = True, selector, base, limit, attributes
    return made


def initial_state(bochscpu, entry):
    """64-bit mode, with the registers of AVX-512 switched on."""
    state = bochscpu.State()
    bochscpu.cpu.set_long_mode(state)
    state.cr0, state.cr4, state.efer, state.xcr0, state.cr3 = 0x80050033, 0x406B0, 0xD00, 0x600E7, PAGES
    state.mxcsr, state.mxcsr_mask = 0x1F80, 0xFFFF
    state.rip, state.rsp = entry, STACKS - (1 << 20) - 8
    state.cs = segment(bochscpu, 0x10, 0xA09B)
    state.ds = state.es = state.ss = state.fs = state.gs = segment(bochscpu, 0x18, 0xC093)
    state.tr = segment(bochscpu, 0x20, 0x8B, TSS, 0x67)
    gdtr, idtr = bochscpu.GlobalSegment(), bochscpu.GlobalSegment()
    gdtr.base, gdtr.limit, idtr.base, idtr.limit = GDT, 0x1F, IDT, 0xFFF
    state.gdtr, state.idtr = gdtr, idtr
    return state


def execute(table):
    """The bytes of the results, what stopped the program if not its end, and the instructions carried out beside Bochs."""
    bochscpu = load_bochs()
    program = OUT / "program"
    places = symbols(program)
    ram = mmap.mmap(-1, RAM)
    base = ctypes.addressof(ctypes.c_char.from_buffer(ram))
    for page in range(0, RAM, 4096):
        bochscpu.memory.page_insert(page, base + page)
    entry = put_program(ram, program)
    put_tables(ram, places["carry_out"])
    ram[places["gelu_numbers"] : places["gelu_numbers"] + len(table)] = table
    instructions, stopped = Instructions(ram, base, places["vectors"]), []
    instructions.hide_conversions(program)

    def stop(session, reason, rip):
        address, name = max((address, name) for name, address in places.items() if address <= rip)
        stopped.append(f"{reason} at {rip:#x}, {name} + {rip - address:#x}")
        session.stop()

    def on_exception(session, _cpu, vector, code):
        if vector != 6:
            stop(session, f"exception {vector}, code {code:#x}", session.cpu.rip)

    # The handler of exception 6 has executed clflush: rip, cs, flags and rsp of the program are on its stack.
    def on_clflush(session, _cpu, frame, _physical):
        rip, _, _, rsp = struct.unpack_from("<4Q", ram, frame)
        try:
            struct.pack_into("<Q", ram, frame, rip + instructions.execute(session.cpu, rip, rsp))
        except Exception as mistake:
            stop(session, mistake, rip)

    session = bochscpu.Session()
    session.missing_page_handler = lambda address: (stopped.append(f"no memory at {address:#x}"), session.stop())
    session.cpu.state = initial_state(bochscpu, entry)
    hook = bochscpu.Hook()
    hook.exception, hook.clflush = on_exception, on_clflush
    hook.hlt = lambda session, _cpu: session.stop()
    session.run([hook])
    if instructions.configured:
        stopped.append("tiles are still configured at the end")
    size = struct.unpack_from("<q", ram, places["result_bytes"])[0]
    return bytes(ram[places["results"] : places["results"] + size]), stopped, instructions.count


def main():
    build()
    subprocess.run([str(OUT / "expected"), str(OUT / "expected.bin")], check=True)
    expected = results((OUT / "expected.bin").read_bytes())
    table = next(data for name, (_, data) in expected.items() if name.endswith("table of GELU"))
    data, stopped, counted = execute(table)
    actual = results(data)
    print("carried out beside Bochs: " + ", ".join(f"{count} {name}" for name, count in counted.items()))
    for reason in stopped:
        print(f"stopped after {list(actual)[-1] if actual else 'nothing'}: {reason}")
    roundings, wrong = compare(expected, actual)
    size = sum(len(data) for _, data in actual.values())
    equal = len(actual) - roundings - wrong
    print(f"{len(actual)} of {len(expected)} results, {size} bytes: {equal} equal to the bit, {roundings} but for roundings, {wrong} wrong")
    sys.stdout.flush()
    os._exit(1 if wrong or stopped or len(actual) < len(expected) else 0)  # without the package's own farewell


main()

/** Zip archives whose entries are stored as they are, for files of less than 4 GB. */
import { crc32 } from "./crc32";
import type { OpenFile } from "./open-file";

export interface Entry {
  name: string;
  bytes: Uint8Array;
}

/** Entries begin at multiples of so many bytes, so that a reader may map them into memory: as torch.save does. */
const ALIGNMENT = 64;
const LOCAL_HEADER = 30;
const LIST_ENTRY = 46;
/** Of an extra field that only fills space. */
const PADDING = 0x4246;

/** Writes the entries one after the other, then their list. Times are those of no day, so that equal contents give equal files. */
export function writeZip(file: OpenFile, entries: Iterable<Entry>): void {
  const list: Buffer[] = [];
  let position = 0;
  for (const { name, bytes } of entries) {
    const encoded = Buffer.from(name);
    const common = { checksum: crc32(bytes), size: bytes.length, nameLength: encoded.length };
    const padding = paddingAfter(position + LOCAL_HEADER + encoded.length);
    const header = Buffer.concat([localHeader(common, padding.length), encoded, padding]);
    file.write(header);
    file.write(bytes);
    list.push(listEntry(common, position), encoded);
    position += header.length + bytes.length;
  }
  const directory = Buffer.concat(list);
  file.write(directory);
  file.write(endOf(list.length / 2, directory.length, position));
}

interface Common {
  checksum: number;
  size: number;
  nameLength: number;
}

/** An extra field, of at least its own four bytes, after which an entry begins at a multiple. */
function paddingAfter(position: number): Buffer {
  const padding = Buffer.alloc(4 + ((ALIGNMENT - ((position + 4) % ALIGNMENT)) % ALIGNMENT));
  padding.writeUInt16LE(PADDING);
  padding.writeUInt16LE(padding.length - 4, 2);
  return padding;
}

function localHeader({ checksum, size, nameLength }: Common, extraLength: number): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER);
  header.writeUInt32LE(0x04034b50);
  header.writeUInt32LE(checksum, 14);
  header.writeUInt32LE(size, 18);
  header.writeUInt32LE(size, 22);
  header.writeUInt16LE(nameLength, 26);
  header.writeUInt16LE(extraLength, 28);
  return header;
}

function listEntry({ checksum, size, nameLength }: Common, position: number): Buffer {
  const entry = Buffer.alloc(LIST_ENTRY);
  entry.writeUInt32LE(0x02014b50);
  entry.writeUInt32LE(checksum, 16);
  entry.writeUInt32LE(size, 20);
  entry.writeUInt32LE(size, 24);
  entry.writeUInt16LE(nameLength, 28);
  entry.writeUInt32LE(position, 42);
  return entry;
}

function endOf(count: number, length: number, position: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(position, 16);
  return end;
}

import { gzipSync } from "node:zlib";

export interface TarEntry {
  name: string;
  content?: Uint8Array;
  /** 0 file, 2 symbolic link, 5 folder */
  type?: "0" | "2" | "5";
  /** The field of 12 bytes that holds the size; default: that of the content, in octal digits. */
  size?: string;
}

/** A .tar.gz in the ustar format. */
export function tarGz(entries: TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = new Uint8Array(0), type = "0", size = octal(content.length) }) => [
    header(name, size, type),
    padded(content),
  ]);
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

const octal = (size: number) => `${size.toString(8).padStart(11, "0")}\0`;

function header(name: string, size: string, type: string): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, "latin1");
  block.write("0000644\0", 100);
  block.write(size, 124, 12, "latin1");
  block.write("        ", 148);
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function padded(content: Uint8Array): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

// readTable: a table of numbers as text, in columns.
import { expect, it, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";

const addon = loadAddon();
const read = (text: string, columns: number) => addon.readTable(Buffer.from(text), columns);

/** Of all sizes, with as many digits as JavaScript writes. */
const numbers = Array.from({ length: 4000 }, (_, index) => {
  const share = (Math.imul(index + 1, 2654435761) >>> 0) / 2 ** 32;
  return (share - 0.5) * 10 ** ((index % 90) - 45);
});

it("rounds each number as JavaScript does, to fp32", () => {
  const [column] = read(numbers.map((number) => `${number}\n`).join(""), 1)!;
  for (const [index, number] of numbers.entries()) expect(column![index], String(number)).toBe(Math.fround(number));
});

test.each([
  "0",
  "-0",
  "1",
  "-1.5",
  "00012.50",
  "123456789012345678901234567890",
  "0.000000000000000000000000000001234567890123456789",
  "1e-7",
  "1e+21",
  "5e-324",
  "1e999",
  "-1e999",
  "NaN",
])("reads %s", (text) => {
  expect(read(`${text}\n`, 1)).toEqual([Float32Array.of(Number(text))]);
});

it("keeps rows and columns", () => {
  expect(read("1,2,3\n4,5,6\n", 3)).toEqual([Float32Array.of(1, 4), Float32Array.of(2, 5), Float32Array.of(3, 6)]);
  expect(read("", 2)).toEqual([new Float32Array(), new Float32Array()]);
});

test.each([
  "1,2",
  "1\n",
  "1,2,3\n",
  "1,2\n3\n",
  "1,x\n",
  "1,\n",
  ",1\n",
  "1,2 \n",
  "1,-\n",
  "1,.\n",
  "1,1e\n",
  "1,1e-\n",
  "1,0x1\n",
  "1,Infinity\n",
  "1,NaNs\n",
  "1,1.2.3\n",
  "\n",
])("is not there for %j", (text) => {
  expect(read(text, 2)).toBeNull();
});

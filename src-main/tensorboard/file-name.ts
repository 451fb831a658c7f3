const PREFIX = "events.out.tfevents.";

/** As TensorBoard finds them, which reads a folder's files in the order of their names; `writer` tells those apart that begin in the same second. */
export const eventFileName = (time: number, writer: number): string => `${PREFIX}${String(Math.floor(time)).padStart(10, "0")}.distill.${writer}`;

/** Whether this program wrote a file of this name. */
export const isEventFile = (name: string): boolean => name.startsWith(PREFIX) && /\.distill\.\d+$/.test(name);

/** How many images a fit computes in one go: a stop, and other calls, wait for them. */

/** Few, as a small data set has few steps, and calls are answered between them. */
export const BATCH = 32;

/** Pixels of a batch of the bundled backbone's images. */
const MOST_PIXELS = BATCH * 160 ** 2;

/** A power of two: all of a batch where images are small, and down to one of it where they are large. */
export const imagesAtOnce = (side: number): number => 2 ** Math.floor(Math.log2(Math.min(BATCH, Math.max(1, MOST_PIXELS / side ** 2))));

/** Weights on the Hugging Face hub, named in place of a path: hf:owner/name[@revision][/file]. */

export const HUB = "hf:";

export const isHubPath = (path: string): boolean => path.startsWith(HUB);

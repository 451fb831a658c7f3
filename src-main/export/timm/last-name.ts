/** Of a path: the others are this computer's, and nobody else's business. */
export const lastName = (path: string): string => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;

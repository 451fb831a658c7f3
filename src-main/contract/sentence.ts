/** Messages are written to follow "error:" in a terminal, so their first word gets a capital; a path, address, key or model stays as it is. */
export const sentence = (message: string): string => message.replace(/^[a-z](?=[a-z]*([ ,']|:(?!\/)))/, (first) => first.toUpperCase());

/** See console.mjs. */
export function isStale(folder: string): boolean;
export function buildConsole(root: string): number;

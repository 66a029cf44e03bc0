/** See packages.mjs. */
export function staleness(root: string): string | undefined;
export function installPackages(root: string): number;

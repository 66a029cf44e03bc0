/** See on-cluster.mjs. */
export const ALONE: Readonly<Record<string, string>>;
export const FEW_ON_CLUSTER: readonly string[];
export const FEW_ON_TWO: readonly string[];
export const FEW_TRIALS: readonly string[];
export function filesOnCluster(root: string): string[];
export function dialectFiles(root: string): string[];

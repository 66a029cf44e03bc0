/** Monotonic milliseconds: media, timeouts, back-off. Never a wall clock. */
export type Monotonic = () => number;

export const monotonic: Monotonic = () => performance.now();

import os from 'node:os';

/** Monotonic milliseconds: media, timeouts, back-off. Never a wall clock. */
export type Monotonic = () => number;

export const monotonic: Monotonic = () => performance.now();

/** Milliseconds since the machine was started, the same for all of its processes: leases. Sleep of the machine counts. */
export type SinceBoot = () => number;

/** In steps of 10 ms, and for some microseconds: it is read from a file of the kernel's. */
export const sinceBoot: SinceBoot = () => os.uptime() * 1000;

/** Milliseconds on the wall, which somebody may set: good for telling that the machine has slept, and for nothing else here. */
export type Wall = () => number;

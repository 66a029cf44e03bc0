import type { Fault } from './fault.ts';

/** A source or sink in the loop, and whom to tell when it leaves. */
export class Seat<T> {
  readonly holder: T;
  readonly #leave: (fault: Fault) => void;
  readonly left: Promise<Fault>;

  constructor(holder: T) {
    this.holder = holder;
    const { promise, resolve } = Promise.withResolvers<Fault>();
    this.left = promise;
    this.#leave = resolve;
  }

  leave(fault: Fault): void {
    this.#leave(fault);
  }
}

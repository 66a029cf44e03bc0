import { notFound } from './error.ts';

export interface DemoOptions {
  /** Of a demonstration alone: brings back what was broken on purpose. */
  readonly demo?: { fix(): Promise<void> } | undefined;
}

/** What only a demonstration can. */
export class DemoCalls {
  readonly #demo: DemoOptions['demo'];

  constructor({ demo }: DemoOptions) {
    this.#demo = demo;
  }

  async fix(): Promise<{ done: true }> {
    if (this.#demo === undefined) throw notFound('demonstration');
    await this.#demo.fix();
    return { done: true };
  }
}

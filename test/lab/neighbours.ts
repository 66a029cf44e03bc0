import type { Peers } from '../../src/api/peers.ts';

type Hearing = (message: unknown) => void;

/** Nodes in one process that hear one another at once, in what a wire would have made of their words. */
export class Neighbours {
  readonly #ears: { readonly of: Peers; readonly topic: string; readonly heard: Hearing }[] = [];
  /** Everything that was said, by whomever. */
  readonly said: { readonly topic: string; readonly message: unknown }[] = [];

  /** One more of them. */
  move(gatherMs = 0): Peers {
    const peers: Peers = {
      gatherMs,
      arePresent: true,
      say: (topic, message) => this.#pass(peers, { topic, message: JSON.parse(JSON.stringify(message)) }),
      hear: (topic, heard) => void this.#ears.push({ of: peers, topic, heard }),
    };
    return peers;
  }

  #pass(from: Peers, said: { readonly topic: string; readonly message: unknown }): void {
    this.said.push(said);
    for (const { of, topic, heard } of this.#ears) if (of !== from && topic === said.topic) heard(said.message);
  }
}

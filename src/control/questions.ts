import type { Cluster } from '../cluster/cluster.ts';

/** Answers one kind of question; what it throws reaches who has asked. */
export type Answer = (question: object, from: string) => unknown;

/** What other nodes may ask of this one, by the word `t` of the question. */
export class Questions {
  readonly #answers = new Map<string, Answer>();
  readonly #deafen: () => void;

  constructor(cluster: Pick<Cluster, 'answer'>) {
    this.#deafen = cluster.answer(async (question, from) => this.#answer(question, from));
  }

  on(kind: string, answer: Answer): void {
    this.#answers.set(kind, answer);
  }

  close(): void {
    this.#deafen();
  }

  #answer(question: unknown, from: string): unknown {
    if (typeof question !== 'object' || question === null || !('t' in question)) throw new Error('it has no kind');
    const answer = typeof question.t === 'string' ? this.#answers.get(question.t) : undefined;
    if (answer === undefined) throw new Error('nobody here knows an answer to that kind of question');
    return answer(question, from);
  }
}

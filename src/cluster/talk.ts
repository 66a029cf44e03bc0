import type { Msg, Subscription } from '@nats-io/transport-node';
import { isObject, isText, parseJson } from './beat.ts';
import type { Answering, Hearing } from './cluster.ts';
import { ClusterFault } from './cluster-fault.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-link.ts';

/** As servers have it by default. */
const MOST_BYTES = 1024 * 1024 - 1024;
const ASK_MS = 2_000;

export interface TalkOptions {
  readonly link: NatsLink;
  readonly names: Names;
  readonly node: string;
}

interface Envelope {
  readonly from: string;
  readonly body: unknown;
}

/** What nodes tell each other, and ask. What others write on our subjects is dropped where it is not understood. */
export class Talk {
  readonly #options: TalkOptions;
  #answering: Answering | undefined;

  constructor(options: TalkOptions) {
    this.#options = options;
    this.respond(options.names.ask(options.node), async (question, from) => {
      if (!this.#answering) throw new Error('nobody answers here');
      return this.#answering(question, from);
    });
  }

  say(topic: string, message: unknown): void {
    this.tell(this.#options.names.say(topic), message);
  }

  /** Never throws: what cannot be told now is not told. */
  tell(subject: string, message: unknown): void {
    const { link } = this.#options;
    try {
      const text = this.#seal(message);
      if (link.isUp && Buffer.byteLength(text) <= MOST_BYTES) link.nc.publish(subject, text);
    } catch {
      // A connection that has just been lost, or a message that is none.
    }
  }

  hear(topic: string, hearing: Hearing): () => void {
    return this.listen(this.#options.names.say(topic), hearing);
  }

  listen(subject: string, hearing: Hearing): () => void {
    const { link, node } = this.#options;
    const subscription = link.nc.subscribe(subject, {
      callback: (error, msg) => {
        const envelope = error === null ? open(msg) : undefined;
        if (envelope && envelope.from !== node) quietly(() => hearing(envelope.body, envelope.from));
      },
    });
    return () => quietly(() => subscription.unsubscribe());
  }

  ask(node: string, question: unknown): Promise<unknown> {
    if (node === this.#options.node && this.#answering) return this.#answering(question, node);
    return this.request(this.#options.names.ask(node), question, node);
  }

  async request(subject: string, question: unknown, node: string): Promise<unknown> {
    const { link } = this.#options;
    link.demand();
    const reply = await link.nc.request(subject, this.#seal(question), { timeout: ASK_MS }).catch((cause: unknown) => {
      throw new ClusterFault(`node ${node} does not answer`, { cause });
    });
    const body = open(reply)?.body;
    if (isObject(body) && 'answer' in body) return body.answer;
    const reason = isObject(body) && isText(body.error) ? body.error : 'its answer is not understood';
    throw new ClusterFault(`node ${node} refuses: ${reason}`);
  }

  answer(answering: Answering): () => void {
    this.#answering = answering;
    return () => {
      this.#answering = undefined;
    };
  }

  respond(subject: string, answering: Answering): Subscription {
    return this.#options.link.nc.subscribe(subject, {
      callback: (error, msg) => {
        if (error === null) void this.#respond(msg, answering);
      },
    });
  }

  async #respond(msg: Msg, answering: Answering): Promise<void> {
    const envelope = open(msg);
    if (!envelope) return;
    const said = await replyOf(() => answering(envelope.body, envelope.from));
    quietly(() => msg.respond(this.#seal(said)));
  }

  #seal(body: unknown): string {
    return JSON.stringify({ from: this.#options.node, body: body ?? null });
  }
}

async function replyOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answer: (await work()) ?? null };
  } catch (error) {
    return { error: error instanceof Error ? error.message.slice(0, 500) : 'unknown' };
  }
}

function open(msg: Msg): Envelope | undefined {
  if (msg.data.length > MOST_BYTES) return undefined;
  const value = parseJson(msg.string());
  if (!isObject(value) || !isText(value.from)) return undefined;
  return { from: value.from, body: value.body };
}

/** One message that somebody stumbles over is no reason to hear no more of them. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Whoever hears looks at what it hears; what nobody understands is not for us.
  }
}

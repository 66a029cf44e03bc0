import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  JetStreamApiError,
  type JsMsg,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { isAmount, isObject, isText, parseJson } from './beat.ts';
import type { Member, MemberFacts, Offer, Taker } from './cluster.ts';
import { type Names, token } from './names.ts';
import type { NatsLink } from './nats-link.ts';
import { type Fill, Share } from './share.ts';
import type { Talk } from './talk.ts';

export interface OffersOptions {
  readonly link: NatsLink;
  readonly names: Names;
  readonly talk: Talk;
  readonly node: string;
  readonly sinceBoot: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  facts(): MemberFacts | undefined;
  members(): readonly Member[];
  /** Whether this node may act. */
  isHeld(): boolean;
}

const DEDUPE_MS = 5_000;
const OFFER_MS = 30_000;
const MOST_OFFERS = 50_000;
const ACK_MS = 10_000;
const MOST_UNACKED = 10_000;
/** At once on the way to the server. */
const PUBLISH_BATCH = 200;
const PULL_MS = 1_000;
const REST_MS = 50;
/** Taken at the same time. */
const MOST_TAKING = 100;
/** An offer that nobody with more room has taken meanwhile is taken by who has some. */
const MOST_WAIT_MS = 1_500;
const AWAY_MS = 250;
const TAKE_MS = 5_000;

/** Tasks that want a node: a work queue for each region, from which nodes pull what they have room for. */
export class Offers {
  readonly #options: OffersOptions;
  readonly #share: Share;
  readonly #closed = new AbortController();
  #isMade = false;
  #taker: Taker | undefined;
  #taking = 0;
  #consumer: { readonly region: string; readonly consumer: Consumer } | undefined;

  constructor(options: OffersOptions) {
    this.#options = options;
    const { talk, names, node, sinceBoot } = options;
    this.#share = new Share({ node, sinceBoot, tell: fill => talk.tell(names.full(), fill) });
    talk.listen(names.full(), (fill, from) => this.#share.hear(from, fill));
    talk.respond(names.pass(node), async offer => this.#takePassed(parseOffer(offer)));
  }

  async offer(offers: readonly Offer[]): Promise<void> {
    const { link } = this.#options;
    link.demand();
    if (!this.#isMade) await this.#make();
    for (let at = 0; at < offers.length; at += PUBLISH_BATCH) {
      const batch = offers.slice(at, at + PUBLISH_BATCH);
      const outcomes = await Promise.allSettled(batch.map(offer => this.#publish(offer)));
      const failed = outcomes.find(({ status }) => status === 'rejected');
      if (failed?.status !== 'rejected') continue;
      this.#isMade = false;
      throw failed.reason;
    }
  }

  #publish(offer: Offer): Promise<unknown> {
    const { link, names, sinceBoot } = this.#options;
    const slot = Math.floor(sinceBoot() / DEDUPE_MS);
    const msgID = `${offer.taskId}:${offer.epoch}:${slot}`;
    return link.js.publish(names.offer(offer.region), JSON.stringify(offer), { msgID });
  }

  /** Until the answered function is called. */
  serve(taker: Taker): () => void {
    const over = new AbortController();
    this.#taker = taker;
    void this.#pullAll(taker, AbortSignal.any([over.signal, this.#closed.signal]));
    return () => {
      over.abort();
      if (this.#taker === taker) this.#taker = undefined;
    };
  }

  async #pullAll(taker: Taker, signal: AbortSignal): Promise<void> {
    let waitedMs = 0;
    while (!signal.aborted) {
      this.#tellFill();
      const wanted = this.#wanted(taker, waitedMs);
      waitedMs = wanted > 0 ? 0 : waitedMs + REST_MS;
      if (wanted > 0) await this.#pull(wanted, taker, signal);
      else await this.#options.sleep(REST_MS, signal);
    }
  }

  #wanted(taker: Taker, waitedMs: number): number {
    const { link, isHeld, facts } = this.#options;
    const now = facts();
    if (!now?.isOpen || !link.isUp || !isHeld()) return 0;
    const room = Math.min(taker.room(), now.capacity - now.runs - this.#taking, MOST_TAKING - this.#taking);
    if (room <= 0) return 0;
    const mine = this.#fill(now);
    const wanted = this.#share.wanted(mine, this.#options.members());
    return Math.min(room, wanted === 0 && waitedMs > MOST_WAIT_MS ? 1 : wanted);
  }

  #fill({ region, runs, capacity, load }: MemberFacts): Fill {
    return { region, runs: runs + this.#taking, capacity, load };
  }

  async #pull(most: number, taker: Taker, signal: AbortSignal): Promise<void> {
    try {
      const consumer = await this.#open();
      const messages = await consumer.fetch({ max_messages: most, expires: PULL_MS });
      const stop = () => void messages.close();
      signal.addEventListener('abort', stop, { once: true });
      for await (const msg of messages) this.#takeOne(msg, taker).catch(() => undefined);
      signal.removeEventListener('abort', stop);
    } catch {
      this.#consumer = undefined;
      this.#isMade = false;
      await this.#options.sleep(AWAY_MS, signal);
    }
  }

  /** Acknowledged in any case: what came to nothing is offered again by whoever finds it. */
  async #takeOne(msg: JsMsg, taker: Taker): Promise<void> {
    const offer = parseOffer(parseJson(msg.string()));
    this.#taking += 1;
    const over = new AbortController();
    const taken = offer ? this.#takeOrPass(offer, taker) : Promise.resolve();
    await Promise.race([taken.catch(() => undefined), this.#options.sleep(TAKE_MS, over.signal)]);
    over.abort();
    this.#taking -= 1;
    if (this.#options.link.isUp) msg.ack();
  }

  #tellFill(): void {
    const facts = this.#options.facts();
    if (facts) this.#share.tell(this.#fill(facts));
  }

  async #takeOrPass(offer: Offer, taker: Taker): Promise<void> {
    if (await this.#isPassedOn(offer)) return;
    await taker.take(offer);
  }

  async #isPassedOn(offer: Offer): Promise<boolean> {
    const { node, members, talk, names } = this.#options;
    const { prefers } = offer;
    if (prefers === undefined || prefers === node) return false;
    const isOpen = members().some(it => it.name === prefers && it.presence === 'present' && it.isOpen);
    if (!isOpen) return false;
    try {
      return (await talk.request(names.pass(prefers), offer, prefers)) === true;
    } catch {
      return false;
    }
  }

  async #takePassed(offer: Offer | undefined): Promise<boolean> {
    const { facts, isHeld } = this.#options;
    const taker = this.#taker;
    const isOpen = facts()?.isOpen === true && isHeld();
    if (!offer || !taker || !isOpen || taker.room() <= 0) return false;
    this.#taking += 1;
    void taker
      .take(offer)
      .catch(() => undefined)
      .finally(() => {
        this.#taking -= 1;
      });
    return true;
  }

  async #open(): Promise<Consumer> {
    const { link, facts } = this.#options;
    const region = facts()?.region ?? '';
    if (this.#consumer?.region === region) return this.#consumer.consumer;
    if (!this.#isMade) await this.#make();
    const consumer = await link.js.consumers.get(this.#options.names.offers, await this.#makeConsumer(region));
    this.#consumer = { region, consumer };
    return consumer;
  }

  async #makeConsumer(region: string): Promise<string> {
    const { link, names } = this.#options;
    const name = `region_${token(region)}`;
    await link.jsm.consumers.add(names.offers, {
      durable_name: name,
      filter_subject: names.offer(region),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_MS),
      max_ack_pending: MOST_UNACKED,
    });
    return name;
  }

  async #make(): Promise<void> {
    const { link, names } = this.#options;
    const wish = {
      name: names.offers,
      subjects: [names.offer('*').replace(token('*'), '*')],
      retention: RetentionPolicy.Workqueue,
      // Offers are made again by whoever finds what was not taken: nothing of them need outlive the server.
      storage: StorageType.Memory,
      discard: DiscardPolicy.New,
      max_msgs: MOST_OFFERS,
      max_age: nanos(OFFER_MS),
      duplicate_window: nanos(DEDUPE_MS),
    };
    const add = (num_replicas: number) => link.jsm.streams.add({ ...wish, num_replicas });
    const isMany = link.replicas > 1;
    await add(link.replicas)
      .catch((error: unknown) => (isMany && !isThere(error) ? add(1) : Promise.reject(error)))
      .catch((error: unknown) => {
        if (!isThere(error)) throw error;
      });
    this.#isMade = true;
  }

  close(): void {
    this.#closed.abort();
    this.#taker = undefined;
  }
}

const STREAM_NAME_IN_USE = 10058;

const isThere = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === STREAM_NAME_IN_USE;

function parseOffer(value: unknown): Offer | undefined {
  if (!isObject(value)) return undefined;
  const { taskId, epoch, region, prefers } = value;
  if (!isText(taskId) || !isAmount(epoch) || !isText(region)) return undefined;
  return { taskId, epoch, region, ...(isText(prefers) ? { prefers } : {}) };
}

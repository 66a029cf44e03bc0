import { isObject, isText } from './beat.ts';
import { Bucket } from './bucket.ts';
import { CLAIM_MS, ClaimsBucket } from './claims-bucket.ts';
import type { Answering, Cluster, Hearing, Lease, Member, MemberFacts, Offer, Taker } from './cluster.ts';
import type { LeaseClock } from './held-lease.ts';
import type { LeaseMemory } from './lease-file.ts';
import { Membership, type Word } from './membership.ts';
import { type Names, namesOf } from './names.ts';
import { NatsLink, type NatsLinkOptions } from './nats-link.ts';
import { NatsWitness } from './nats-witness.ts';
import { Offers } from './offers.ts';
import { Talk } from './talk.ts';
import { type Timing, timingOf } from './timing.ts';
import type { Witness } from './witness.ts';

export interface NatsClusterOptions extends Omit<NatsLinkOptions, 'name' | 'callMs'> {
  /** Of the database: installations that share NATS do not see each other. */
  readonly installation: string;
  readonly node: string;
  /** Of the data directory. */
  readonly incarnation: string;
  /** Until when the lease holds is kept there. */
  readonly memory: LeaseMemory;
  /** To live of a lease that is not renewed. */
  readonly ttlMs: number;
  /** The other witness: the database. */
  readonly database: Witness;
  readonly clock: LeaseClock & { wall(): number };
  newId(): string;
}

/** Many nodes, which agree through NATS, and prove that they live to NATS and to their database. */
export class NatsCluster implements Cluster {
  readonly #link: NatsLink;
  readonly #membership: Membership;
  readonly #claims: ClaimsBucket;
  readonly #offers: Offers;
  readonly #talk: Talk;
  #facts: (() => MemberFacts) | undefined;
  #isClosed = false;

  private constructor(link: NatsLink, options: NatsClusterOptions) {
    const { node, clock } = options;
    const timing = timingOf(options.ttlMs);
    const names = namesOf(options.installation);
    const sinceBoot = () => clock.sinceBoot();
    this.#link = link;
    this.#claims = new ClaimsBucket({ bucket: bucketOf(link, names.claims, CLAIM_MS, timing), node, sinceBoot });
    this.#talk = new Talk({ link, names, node });
    this.#membership = membershipOf({ link, talk: this.#talk, names, timing }, options);
    this.#talk.listen(names.beat(), (word, from) => {
      const { mark, hasLeft } = isObject(word) ? word : {};
      if (isText(mark)) this.#membership.hear(from, { mark, hasLeft: hasLeft === true });
    });
    this.#offers = new Offers({
      link,
      names,
      talk: this.#talk,
      node,
      sinceBoot,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      facts: () => this.#facts?.(),
      members: () => this.members,
      isHeld: () => this.#membership.isHeld,
    });
  }

  /** Rejects with a ClusterFault where NATS cannot be used. */
  static async open(options: NatsClusterOptions): Promise<NatsCluster> {
    const { callMs } = timingOf(options.ttlMs);
    const link = await NatsLink.open({ ...options, name: `millrace ${options.node}`, callMs });
    return new NatsCluster(link, options);
  }

  async join(facts: () => MemberFacts): Promise<Lease> {
    this.#facts = facts;
    const lease = await this.#membership.join(facts);
    lease.signal.addEventListener('abort', () => this.#claims.forget(), { once: true });
    return lease;
  }

  get members(): readonly Member[] {
    return this.#membership.members;
  }

  isGone(node: string): boolean {
    return this.#membership.isGone(node);
  }

  get isReachable(): boolean {
    return this.#link.isUp;
  }

  follow(heard: () => void): () => void {
    const unfollow = [this.#link.follow(heard), this.#membership.follow(heard)];
    return () => {
      for (const stop of unfollow) stop();
    };
  }

  offer(offers: readonly Offer[]): Promise<void> {
    return this.#offers.offer(offers);
  }

  serve(taker: Taker): () => void {
    return this.#offers.serve(taker);
  }

  async claim(taskId: string, epoch: number): Promise<boolean> {
    return this.#membership.isHeld && (await this.#claims.claim(taskId, epoch));
  }

  release(taskId: string, epoch: number): Promise<void> {
    return this.#claims.release(taskId, epoch);
  }

  say(topic: string, message: unknown): void {
    this.#talk.say(topic, message);
  }

  hear(topic: string, hearing: Hearing): () => void {
    return this.#talk.hear(topic, hearing);
  }

  ask(node: string, question: unknown): Promise<unknown> {
    return this.#talk.ask(node, question);
  }

  answer(answering: Answering): () => void {
    return this.#talk.answer(answering);
  }

  async close({ isFollowed } = { isFollowed: false }): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#offers.close();
    this.#claims.close();
    await this.#membership.close(isFollowed);
    await this.#link.close();
  }
}

const bucketOf = (link: NatsLink, name: string, ttlMs: number, { callMs }: Timing): Bucket =>
  new Bucket(link, { name, ttlMs, callMs });

/** Long past any verdict: a beat that vanished in between would look like news of its node. */
const BEAT_MS = 3_600_000;

interface Parts {
  readonly link: NatsLink;
  readonly talk: Talk;
  readonly names: Names;
  readonly timing: Timing;
}

function membershipOf({ link, talk, names, timing }: Parts, options: NatsClusterOptions): Membership {
  const { node, incarnation, memory, database, clock, newId } = options;
  const nats = new NatsWitness(bucketOf(link, names.nodes, BEAT_MS, timing), () => clock.sinceBoot());
  const tell = (word: Word) => talk.tell(names.beat(), word);
  return new Membership({ node, incarnation, memory, timing, witnesses: [nats, database], clock, newId, tell });
}

import type { Fault } from '../media/fault.ts';
import type { Referral } from '../media/referral.ts';
import { whenAborted, whenOver } from './attempts.ts';
import type { RunParts } from './run.ts';

/** Where a peer sends us, and we can go. */
export type Reachable = Referral & { readonly url: string };

/** Before each try of one referral. */
const TRIES_AFTER_MS = [0, 1_000, 3_000];
/** Of one side, lately. */
const MOST = 5;
const WITHIN_MS = 60_000;

/** How often peers of one side have sent us elsewhere lately: they may send us in circles. */
export class Circles {
  #atMs: number[] = [];

  /** How long the next referral has to wait; none waits that is among the first of a minute. */
  waitMs(nowMs: number): number {
    this.#atMs = this.#atMs.filter(atMs => nowMs - atMs < WITHIN_MS);
    const first = this.#atMs[0];
    return first === undefined || this.#atMs.length < MOST ? 0 : first + WITHIN_MS - nowMs;
  }

  note(nowMs: number): void {
    this.#atMs.push(nowMs);
  }
}

/** What one peer has asked for and nobody has seen to yet: of many referrals the newest. */
export class Referrals {
  #newest: Referral | undefined;
  #come = Promise.withResolvers<void>();

  readonly take = (to: Referral): void => {
    this.#newest = to;
    this.#come.resolve();
  };

  /** Resolves with the newest when there is one; with undefined on abort. */
  async next(signal: AbortSignal): Promise<Referral | undefined> {
    await Promise.race([this.#come.promise, whenAborted(signal)]);
    return signal.aborted ? undefined : this.news();
  }

  /** What has come since it was last asked for. */
  news(): Referral | undefined {
    const newest = this.#newest;
    this.#newest = undefined;
    this.#come = Promise.withResolvers<void>();
    return newest;
  }
}

export interface Following extends Pick<RunParts, 'now' | 'sleep'> {
  readonly referrals: Referrals;
  readonly circles: Circles;
  /** Answers why it is not there, if it is not. */
  readonly go: (to: Reachable, signal: AbortSignal) => Promise<Fault | undefined>;
  /** It stays where it is, for now. */
  readonly stays: (fault: Fault) => void;
  readonly faultOf: (sentence: string) => Fault;
}

/** Goes where one peer sends us, referral after referral, until one has been followed or the signal aborts. */
export async function follow(following: Following, signal: AbortSignal): Promise<void> {
  const { referrals, circles, now, stays } = following;
  while (!signal.aborted) {
    const to = await referrals.next(signal);
    if (to === undefined) return;
    await waitTurn(following, signal);
    if (signal.aborted) return;
    circles.note(now());
    const fault = await tryOften(referrals.news() ?? to, following, signal);
    if (fault === undefined || signal.aborted) return;
    stays(fault);
  }
}

/** Who sends us in circles is followed more and more slowly. */
async function waitTurn({ circles, now, sleep, stays, faultOf }: Following, signal: AbortSignal): Promise<void> {
  const waitMs = circles.waitMs(now());
  if (waitMs === 0) return;
  stays(faultOf('it sends us elsewhere over and over'));
  await whenOver(sleep(waitMs, signal));
}

async function tryOften(to: Referral, following: Following, signal: AbortSignal): Promise<Fault | undefined> {
  const { go, sleep, faultOf } = following;
  if (!isReachable(to)) return faultOf(to.words);
  let fault: Fault | undefined;
  for (const waitMs of TRIES_AFTER_MS) {
    if (waitMs > 0) await whenOver(sleep(waitMs, signal));
    if (signal.aborted) return fault;
    fault = await go(to, signal);
    if (fault === undefined || fault.kind === 'policy' || !fault.retryable) return fault;
  }
  return fault;
}

const isReachable = (to: Referral): to is Reachable => to.url !== undefined;

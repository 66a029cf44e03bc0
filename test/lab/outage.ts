import { type Judgement, judge, type Order, orderOf, read } from './delivery-laws.ts';
import { HostileReceiver } from './hostile-receiver.ts';
import { Outbox } from './outbox.ts';
import type { Place } from './place.ts';
import { SwiftClock } from './swift-clock.ts';

const HOUR_MS = 3_600_000;
/** How far the clock may be put forward between two looks at it. */
const CLOCK_MS = 500;
/** The longest step of the schedule, with its jitter. */
export const LONGEST_STEP_MS = 24 * HOUR_MS * 1.2;

export interface OutageWish {
  readonly seed: number;
  readonly days: number;
  readonly tasks: number;
}

export interface OutageOutcome extends Judgement, Order {
  readonly tries: number;
  /** Given up meanwhile, and told all the same when they were sent again. */
  readonly redelivered: number;
  /** From the return of the receiver until nothing waited any more. */
  readonly settledAfterMs: number;
}

/** A receiver is away for days while something happens to each task every hour; then it is back. */
export async function outage(place: Place, { seed, days, tasks }: OutageWish): Promise<OutageOutcome> {
  const clock = place.own(new SwiftClock({ speed: 1, startAt: Date.UTC(2026, 10, 21) }), it => it.close());
  const outbox = await Outbox.start(place, { clock, seed });
  const receiver = await HostileReceiver.start(place, { seed, manners: ['takes'] });
  const ids: string[] = [];
  for (let i = 0; i < tasks; i++) ids.push((await outbox.create(receiver.url)).id);
  await outbox.passUntilEmpty(clock.now() + HOUR_MS);
  await receiver.vanish();
  for (let hour = 0; hour < days * 24; hour++) {
    for (const id of ids) await outbox.happens(id);
    await outbox.passUntil(clock.now() + HOUR_MS);
  }
  await receiver.appear();
  const backAt = clock.now();
  await outbox.passUntilEmpty(backAt + 2 * LONGEST_STEP_MS);
  const settledAfterMs = clock.now() - backAt;
  const redelivered = await outbox.redeliver();
  await outbox.passUntilEmpty(clock.now() + HOUR_MS);
  const log = (await Promise.all(ids.map(id => outbox.events(id)))).flat();
  return {
    ...judge(
      log,
      receiver.got.map(({ body }) => read(body)),
    ),
    ...{ tries: outbox.tries.length, redelivered, settledAfterMs, ...orderOf(outbox.tries, CLOCK_MS) },
  };
}

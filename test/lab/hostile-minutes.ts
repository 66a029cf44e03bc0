import { type Judgement, judge, type Order, orderOf, read } from './delivery-laws.ts';
import { dice } from './films.ts';
import { type Got, HostileReceiver, type Manners } from './hostile-receiver.ts';
import { Outbox } from './outbox.ts';
import type { Place } from './place.ts';
import { SwiftClock } from './swift-clock.ts';
import { pass } from './wait.ts';

export interface HostileMinutes {
  readonly minutes: number;
  readonly seed: number;
  readonly tasks?: number;
  /** How many times as fast as life. */
  readonly speed?: number;
}

export interface Outcome extends Judgement, Order {
  readonly tries: number;
  readonly dead: number;
  /** How often each manner was met. */
  readonly manners: ReadonlyMap<Manners, number>;
  /** Of endless answers, the most that was taken of one. */
  readonly mostTalked: number;
  /** From each event to its first try at the receiver that is well, the longest of them; in the sender's time. */
  readonly wellWaitedMs: number;
}

const HOSTILE = 3;
/** Between two happenings, on the average. */
const GAP_MS = 600;
/** What a timer of the real clock may be late by: the swift clock sees it many times over. */
const LATE_MS = 15;
const DAYS_MS = 4 * 24 * 3_600_000;

/** Tasks to which something happens all the time, told to receivers of which all but one are hostile until the minutes are over. */
export async function hostileMinutes(place: Place, wish: HostileMinutes): Promise<Outcome> {
  const { minutes, seed, tasks = 12, speed = 30 } = wish;
  const clock = place.own(new SwiftClock({ speed, startAt: Date.UTC(2026, 10, 21) }), it => it.close());
  const outbox = await Outbox.start(place, { clock, seed });
  const hostile = await startHostile(place, { seed, secondMs: clock.real(1_000) });
  const well = await HostileReceiver.start(place, { seed, manners: ['takes'] });
  const all = [...hostile, well];
  const ids: string[] = [];
  for (let i = 0; i < tasks; i++) ids.push((await outbox.create(all[i % all.length]?.url ?? '')).id);
  const chance = dice(seed);
  for (const end = clock.now() + minutes * 60_000; clock.now() < end; ) {
    await outbox.happens(ids[chance(tasks)] ?? '');
    await pass(clock.real(chance(2 * GAP_MS)));
  }
  for (const receiver of hostile) {
    receiver.behave('takes');
    await receiver.appear();
  }
  await outbox.passUntilEmpty(clock.now() + DAYS_MS);
  const log = (await Promise.all(ids.map(id => outbox.events(id)))).flat();
  const got = all.flatMap(receiver => receiver.got);
  const happenedAt = new Map(log.map(({ id, at }) => [id, at]));
  const waited = outbox.tries.flatMap(one =>
    one.url === well.url ? one.startedAt - (happenedAt.get(one.id) ?? 0) : [],
  );
  return {
    ...judge(
      log,
      got.map(({ body }) => read(body)),
    ),
    tries: outbox.tries.length,
    ...orderOf(outbox.tries, LATE_MS * speed),
    dead: await outbox.dead(),
    manners: countManners(got),
    mostTalked: Math.max(0, ...hostile.flatMap(({ talked }) => talked)),
    wellWaitedMs: Math.max(...waited),
  };
}

async function startHostile(place: Place, options: { seed: number; secondMs: number }): Promise<HostileReceiver[]> {
  const started: HostileReceiver[] = [];
  for (let i = 0; i < HOSTILE; i++) {
    started.push(await HostileReceiver.start(place, { ...options, seed: options.seed + i }));
  }
  return started;
}

function countManners(got: readonly Got[]): Map<Manners, number> {
  const counts = new Map<Manners, number>();
  for (const { manners } of got) counts.set(manners, (counts.get(manners) ?? 0) + 1);
  return counts;
}

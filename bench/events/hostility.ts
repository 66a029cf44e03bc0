import { hostileMinutes } from '../../test/lab/hostile-minutes.ts';
import { LONGEST_STEP_MS, outage } from '../../test/lab/outage.ts';
import { figure, type Subject } from './measure.ts';

const MINUTES = 10;
const SEED = 20_261_121;

export const hostile: Subject = {
  row: 'hostile',
  what: `three receivers that drop, refuse, hang, answer twice or late, talk on, restart; ${MINUTES} minutes at 30 times life`,
  measure: async (place, { scale }) => {
    const seen = await hostileMinutes(place, { minutes: MINUTES * scale, seed: SEED });
    return [
      figure('events told', seen.events, 'events', '>= 100'),
      figure('lost', seen.lost.length, 'events', '0'),
      figure('sequences that differ from the log', seen.readsLikeTheLog ? 0 : 1, 'sequences', '0'),
      figure('duplicates with another id or body', seen.strange.length, 'callbacks', '0'),
      figure('first tries before their turn', seen.inversions.length, 'tries', '0'),
      figure('first tries that were let go behind one that failed', seen.released, 'tries', '>= 1'),
      figure('longest wait of a well receiver beside them', seen.wellWaitedMs / 1000, 's', '<= 5'),
      figure('read of an answer of a gigabyte, with the buffers', seen.mostTalked / 2 ** 20, 'MB', '<= 16'),
    ];
  },
};

const DAYS = 3;

export const away: Subject = {
  row: 'outage',
  what: `a receiver is away for ${DAYS} simulated days, 20 tasks with an event an hour each`,
  measure: async (place, { scale }) => {
    const seen = await outage(place, { seed: SEED, days: DAYS, tasks: Math.max(2, Math.round(20 * scale)) });
    return [
      figure('events told', seen.events, 'events', '>= 100'),
      figure('lost', seen.lost.length, 'events', '0'),
      figure('told only because they were asked for again', seen.redelivered, 'events', '0'),
      figure('duplicates', seen.duplicates, 'callbacks', '0'),
      figure('first tries before their turn', seen.inversions.length, 'tries', '0'),
      figure('all told, from its return', seen.settledAfterMs / 3_600_000, 'h', `<= ${LONGEST_STEP_MS / 3_600_000}`),
    ];
  },
};

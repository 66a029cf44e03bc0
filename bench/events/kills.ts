import { killStorm, type StormOutcome } from '../../test/lab/kill-storm.ts';
import { figure, type Subject } from './measure.ts';

const KILLS = 500;
const NODES = 2;
/** Of each node; a control process lives for about so long. */
const WISH = { rate: 60, lifeMs: 8_000, aim: 'any time' } as const;

export const kills: Subject = {
  row: 'kill',
  what: `${NODES} nodes tell ${WISH.rate} events a second each while their control processes are killed with -9 at random times`,
  measure: async (place, { scale, tell, signal }) => {
    const each = Math.ceil((KILLS * scale) / NODES);
    let done = 0;
    const onKill = (): void => {
      signal.throwIfAborted();
      if (++done % 25 === 0) tell(`${done} kills`);
    };
    const storms = await Promise.all(
      Array.from({ length: NODES }, (_, i) =>
        killStorm(place, { ...WISH, kills: each, seed: i, name: `n${i}`, onKill }),
      ),
    );
    const sum = (of: (one: StormOutcome) => number): number => storms.reduce((total, one) => total + of(one), 0);
    const duplicates = sum(one => one.duplicates);
    return [
      figure(
        'kills',
        sum(one => one.kills),
        'kills',
        `>= ${Math.floor(KILLS * scale)}`,
      ),
      figure(
        'callbacks told',
        sum(one => one.events),
        'callbacks',
        '>= 1000',
      ),
      figure(
        'lost',
        sum(one => one.lost.length),
        'callbacks',
        '0',
      ),
      figure('duplicates', (100 * duplicates) / sum(one => one.events), '%', '<= 0.1'),
      figure(
        'duplicates with another body',
        sum(one => one.strange.length),
        'callbacks',
        '0',
      ),
      figure(
        'out of order',
        sum(one => one.outOfOrder.length),
        'callbacks',
        '0',
      ),
    ];
  },
};

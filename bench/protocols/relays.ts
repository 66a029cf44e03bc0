/** One process of relays from one source, which tells its parent how it stands whenever it is asked. */
import { parseArgs } from 'node:util';
import { monotonic } from '../../src/media/clock.ts';
import { Heartbeat } from '../../src/media/heartbeat.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSink, openSource } from '../../src/media/open.ts';
import { Runs } from '../../src/worker/runs.ts';
import { sleep } from '../../src/worker/sleep.ts';

export interface Standing {
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly flowing: number;
  readonly mediaMs: number;
}

const { values } = parseArgs({
  options: { from: { type: 'string' }, to: { type: 'string' }, n: { type: 'string', default: '10' } },
});
const { from = '', to = '' } = values;
const dialler = new Dialler({ preset: 'lab' });
const runs = new Runs({
  heartbeat: new Heartbeat({
    tickMs: 50,
    onBug: (_, error) => {
      throw error;
    },
  }),
  openSource: (url, signal) => openSource(url, { dialler, signal }),
  openItem: () => Promise.reject(new Error('no list is played')),
  openSink: (url, signal, wish) => openSink(url, { ...wish, dialler, signal, now: monotonic }),
  now: monotonic,
  sleep,
  random: Math.random,
  tell: () => {},
  ended: () => {},
  prepared: () => {},
  log: (message, error) => console.error(message, error),
});

for (let i = 0; i < Number(values.n); i++) {
  runs.start({ taskId: `${i}`, epoch: 1, source: { kind: 'live', url: from }, destination: `${to}-${i}` });
}

function standing(): Standing {
  const { user, system } = process.cpuUsage();
  const { reports } = runs;
  return {
    cpuMs: (user + system) / 1_000,
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    flowing: reports.filter(({ state }) => state === 'flowing').length,
    mediaMs: reports.reduce((sum, { mediaMs }) => sum + mediaMs, 0),
  };
}

process.on('message', () => process.send?.(standing()));
process.on('disconnect', () => process.exit());

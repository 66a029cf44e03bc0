import { expect, it } from 'vitest';
import { type Figures, Metrics } from './metrics.ts';

const metricsOf = (figures: Figures): Metrics => new Metrics({ read: async () => figures, ofNode: false });

/** Lines that begin so. */
const lines = (text: string, start: string): string[] => text.split('\n').filter(line => line.startsWith(start));

it('tells each figure with what it is about', async () => {
  const metrics = metricsOf({ millrace_runs: [{ labels: { state: 'flowing' }, value: 3 }] });
  expect(lines(await metrics.text(), 'millrace_runs{')).toEqual(['millrace_runs{state="flowing"} 3']);
});

it('tells what is there no more no longer', async () => {
  const open = [{ labels: { alarm: 'NoAudio' }, value: 1 }];
  const metrics = metricsOf({ millrace_open_alarms: open });
  await metrics.text();
  open.pop();
  expect(lines(await metrics.text(), 'millrace_open_alarms')).toEqual([]);
});

it('tells a counter as it stands, however often it is asked', async () => {
  const metrics = metricsOf({ millrace_media_bytes_total: [{ labels: { direction: 'in' }, value: 7 }] });
  await metrics.text();
  expect(lines(await metrics.text(), 'millrace_media_bytes_total{')).toEqual([
    'millrace_media_bytes_total{direction="in"} 7',
  ]);
});

it('counts requests by dialect and the class of their status', async () => {
  const metrics = metricsOf({});
  metrics.answered({ dialect: 'huawei', status: 404, ms: 3 });
  metrics.answered({ dialect: 'huawei', status: 400, ms: 3 });
  expect(lines(await metrics.text(), 'millrace_api_request_duration_seconds_count')).toEqual([
    'millrace_api_request_duration_seconds_count{dialect="huawei",status="4xx"} 2',
  ]);
});

it('counts tries of callbacks by what came of them', async () => {
  const metrics = metricsOf({});
  metrics.called({ dialect: 'native', outcome: 'taken', ms: 20 });
  expect(lines(await metrics.text(), 'millrace_callback_attempts_total{')).toEqual([
    'millrace_callback_attempts_total{dialect="native",outcome="taken"} 1',
  ]);
});

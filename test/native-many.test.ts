import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { newTask } from '../src/task/task.ts';
import { figure } from './faults/figure.ts';
import { type Api, startApi } from './lab/api.ts';
import { percentile } from './lab/films.ts';
import { nativeAsk } from './lab/native.ts';
import { Place } from './lab/place.ts';

const TASKS = 10_000;
const AT_ONCE = 200;
const ASKED = 100;

/** Made beside the API, which would take minutes. */
async function fill({ store, now }: Api): Promise<void> {
  const createdAt = now();
  const make = (at: number) =>
    newTask({
      ...{ id: randomUUID(), accountId: 'default', projectId: '', now: createdAt + at, eventId: randomUUID() },
      spec: {
        ...{
          dialect: 'native',
          name: `Channel ${at}`,
          region: 'default',
          enabled: at % 10 !== 0,
          tags: [`t${at % 50}`],
        },
        source: { kind: 'live', url: `rtmp://camera-${at}.example/live/stream-${at}?sign=abcdef` },
        standby: ['rtmp://standby.example/live/x'],
        destination: { kind: 'url', url: `rtmp://push.example/live/key-${at}`, args: '' },
        ...{ startAt: createdAt, endAt: createdAt + 1e9, callback: null, retry: null, echo: {} },
      },
    });
  for (let from = 0; from < TASKS; from += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, i) => make(from + i));
    await Promise.all(some.map(({ task, event }) => store.create({ task, events: [event], deliveries: [] })));
  }
}

/** Without a look at the answers, which are looked at before. */
async function timed(base: string, token: string, query: string): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < ASKED; i++) {
    const fromMs = performance.now();
    const request = get(`${base}/api/v1/tasks?${query}`, { headers: { authorization: `Bearer ${token}` } });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    for await (const _ of answer);
    times.push(performance.now() - fromMs);
  }
  return times;
}

it(`${TASKS} tasks are found in 50 ms by whatever they are looked for`, async () => {
  await using place = new Place();
  const api = await startApi(place);
  const { token } = await api.apiKeys.create();
  const ask = nativeAsk(api.base, token);
  await fill(api);
  const { body } = await ask('tasks?limit=1000');
  expect(body.total).toBe(TASKS);
  for (const [query, total] of [
    ['limit=100', TASKS],
    [`limit=100&after=${body.next}`, TASKS],
    ['text=channel%2099', 111],
    ['text=camera-7&status=scheduled', 1_000],
    ['tag=t7', 200],
    ['status=stopped', 1_000],
    ['text=nothing', 0],
  ] as const) {
    expect((await ask(`tasks?${query}`)).body.total, query).toBe(total);
    const spent = process.cpuUsage();
    const times = await timed(api.base, token, query);
    const { user, system } = process.cpuUsage(spent);
    const name = `GET tasks?${query.replace(/after=.*/, 'after=…')}`;
    // The clock's goal is for a machine that has nothing else to do.
    figure('N2', `${name}, p99`, percentile(times, 0.99), { unit: 'ms', atMost: 50, busyAtMost: 500 });
    figure('N2', `${name}, CPU of node and client`, (user + system) / 1_000 / ASKED, { unit: 'ms', atMost: 25 });
  }
});

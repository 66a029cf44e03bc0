import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { media, publish } from './lab/ffmpeg.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

interface Told {
  readonly event_type: string;
  readonly event_id: string;
  readonly task_id: string;
  readonly event_timestamp: number;
  readonly alarm_id?: string;
  readonly alarm_type?: string;
  readonly alarm_state?: string;
}

/** A receiver that refuses each event once before it takes it, and notes both. */
async function receiver(place: Place): Promise<{ url: string; taken: Told[]; refused: string[] }> {
  const taken: Told[] = [];
  const refused: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const isNew = !refused.includes(body);
    if (isNew) refused.push(body);
    // One that was taken just before its sender was killed may come again: at least once, under one id.
    else if (!taken.some(it => it.event_id === JSON.parse(body).event_id)) taken.push(JSON.parse(body));
    response.writeHead(isNew ? 503 : 200).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, taken, refused };
}

it('tells the receiver what happened in order, once each, over refusals and a killed control process', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  const hook = await receiver(place);
  const publisher = publish(place, file, origin.url('in'));
  const taskId = await millrace.huawei.createLive(origin.url('in'), sink.url('out'), { callback_url: hook.url });
  await until('the start is told', () => hook.taken.some(it => it.event_type === 'TaskStart'));
  await publisher.stop('SIGKILL');
  await until('the alarm is on its way', () => hook.refused.some(it => it.includes('TaskAlarm')));
  await millrace.killControl();
  await millrace.restart();
  await until('the alarm is told', () => hook.taken.some(it => it.event_type === 'TaskAlarm'));
  publish(place, file, origin.url('in'));
  await until('it runs again', async () => (await millrace.huawei.status(taskId)) === 'running');
  expect((await millrace.huawei.remove(taskId)).status).toBe(200);
  await until('the exit is told', () => hook.taken.some(it => it.event_type === 'TaskExit'));
  // A busy machine may have the source look slow for a while besides.
  const told = hook.taken.filter(it => it.alarm_type === undefined || it.alarm_type === 'PullFileUnstable');
  if (told.length < hook.taken.length) console.log(`told besides: ${JSON.stringify(hook.taken)}`);
  expect(told.map(it => it.event_type)).toEqual(['TaskStart', 'TaskAlarm', 'TaskAlarm', 'TaskExit']);
  expect(new Set(hook.taken.map(it => it.event_id)).size).toBe(hook.taken.length);
  expect(told.flatMap(it => it.alarm_state ?? [])).toEqual(['SET', 'CLEARED']);
  expect(new Set(told.flatMap(it => it.alarm_id ?? [])).size).toBe(1);
  expect(hook.taken.every(it => it.task_id === taskId)).toBe(true);
  expect(hook.taken.at(-1)).toMatchObject({ code: 0, will_retry: false });
  expect(hook.taken.map(it => JSON.stringify(it))).toEqual(hook.refused);
});

it('tells only what was asked for', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const millrace = await Millrace.start(place);
  const hook = await receiver(place);
  publish(place, file, `${millrace.rtmp}/live/src`);
  const wish = { callback_url: hook.url, callback_events: ['TaskExit'] };
  const taskId = await millrace.huawei.createLive(`${millrace.rtmp}/live/src`, `${millrace.rtmp}/live/out`, wish);
  await until('it runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  const paused = await millrace.huawei.call({ method: 'PUT', body: { task_id: taskId, status: 'pause' } });
  expect(paused.status).toBe(200);
  await until('the pause is told', () => hook.taken.length === 1);
  expect(await millrace.huawei.status(taskId)).toBe('suspend');
  await millrace.huawei.call({ method: 'PUT', body: { task_id: taskId, status: 'enable' } });
  await until('it runs again', async () => (await millrace.huawei.status(taskId)) === 'running');
  await millrace.huawei.remove(taskId);
  await until('the end is told', () => hook.taken.length === 2);
  expect(hook.taken.map(it => it.event_type)).toEqual(['TaskExit', 'TaskExit']);
});

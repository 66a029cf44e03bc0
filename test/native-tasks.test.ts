import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, startApi } from './lab/api.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { Place } from './lab/place.ts';

// Tasks over the native API: what is written is what is read, what is wrong is told by its field, and what a task does
// not allow is said so.

const LIVE = { kind: 'live', url: 'rtmp://origin.example/live/morning-show?sign=abcdef' };
const TO = { kind: 'url', url: 'rtmp://push.example/live/news-key-1?secret=s3cr3t' };

let place: Place;
let api: Api;
let ask: NativeAsk;

beforeAll(async () => {
  place = new Place();
  api = await startApi(place);
  ask = nativeAsk(api.base, (await api.apiKeys.create()).token);
});
afterAll(() => place[Symbol.asyncDispose]());

const make = async (wish: object = {}) => {
  const answer = await ask('tasks', { body: { source: LIVE, destination: TO, ...wish } });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body;
};

describe('a task', () => {
  test('is made of a source and a destination alone', async () => {
    const task = await make();
    expect(task).toMatchObject({
      dialect: 'native',
      ...{ name: '', tags: [], region: 'default', standby: [], enabled: true, callback: null, retry: null },
      ...{ end_at: null, delay_s: null, slate: null, version: 1, on_air: null },
      source: { kind: 'live', url: 'rtmp://origin.example/live/mo***?***' },
      destination: { kind: 'url', url: 'rtmp://push.example/live/ne***?***' },
      status: {
        word: 'scheduled',
        reason: '',
        side: null,
        attempt: 0,
        next_retry_at: null,
        last_error: null,
        alarms: [],
      },
    });
    expect((await ask(`tasks/${task.id}`)).body).toEqual(task);
  });

  test('shows all that was said of it', async () => {
    const wish = {
      ...{ name: 'News', tags: ['a', '<b>'], region: 'cn-north-4', enabled: false, delay_s: 2.5, slate: 'hold' },
      source: {
        kind: 'list',
        items: [
          { url: 'http://files.example/a.mp4', in_s: 1.5, out_s: 20, repeats: 2, video_track: 1, audio_track: 2 },
          { url: 'http://files.example/b.mp4' },
        ],
        ...{ rounds: 'endless', start_index: 1, start_s: 3.25, boundary: 'republish', silence: true },
        on_change: 'file_start',
      },
      standby: ['rtmp://standby.example/live/x'],
      destination: { kind: 'url', url: 'rtmps://push.example/live/k', tls: { server_name: 'push.example' } },
      ...{ start_at: '2099-01-01T00:00:00.000Z', end_at: '2099-02-01T00:00:00.000Z' },
      callback: { url: 'http://hook.example/', events: ['flowing', 'gave_up'] },
      retry: { count: 3, interval_s: 60 },
    };
    const { id } = await make(wish);
    expect((await ask(`tasks/${id}?reveal=true`)).body).toMatchObject(wish);
  });
});

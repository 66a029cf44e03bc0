import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figure } from './faults/figure.ts';
import { Web } from './lab/counted-files.ts';
import { CountedSource, type SourceOptions } from './lab/counted-source.ts';
import { CountedStream } from './lab/counted-stream.ts';
import { FaultProxy } from './lab/fault-proxy.ts';
import { type Hook, openHook } from './lab/hook.ts';
import { amf } from './lab/hostile.ts';
import { Millrace } from './lab/millrace.ts';
import { Oracle } from './lab/oracle.ts';
import { flvOf } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { acknowledges, refuses, startDestination } from './lab/scripted-destination.ts';
import { pass, until } from './lab/wait.ts';

/** What a receiver of callbacks is told of faults that a script plays to a real node. */

const KEY = 'SECRETKEY';

let place: Place;
let node: Millrace;
let hook: Hook;
beforeAll(async () => {
  place = new Place();
  node = await Millrace.start(place);
  hook = await openHook(place);
});
afterAll(() => place[Symbol.asyncDispose]());

interface Alarm {
  readonly alarm_type: string;
  readonly alarm_id: string;
  readonly alarm_state: 'SET' | 'CLEARED';
  readonly message: string;
  readonly event_id: string;
}

/** A task under test, and what was told of it. */
class Subject {
  readonly #taskId: string;

  constructor(taskId: string) {
    this.#taskId = taskId;
  }

  static async live(source: string, destination: string): Promise<Subject> {
    const id = await node.huawei.createLive(source, destination, { callback_url: hook.base });
    return new Subject(id);
  }

  get told(): readonly { readonly event_type: string }[] {
    return hook.told.filter(({ body }) => body.task_id === this.#taskId).map(({ body }) => body);
  }

  alarms(type: string): readonly Alarm[] {
    return hook.told.flatMap(({ body }) =>
      body.task_id === this.#taskId && body.alarm_type === type ? (body as Alarm) : [],
    );
  }

  async started(): Promise<void> {
    await until('it has started', () => this.told.some(({ event_type }) => event_type === 'TaskStart'));
  }

  /** Waits for the alarm to be raised; answers what it says and how long that took. */
  async raised(type: string): Promise<{ message: string; afterMs: number }> {
    const fromMs = performance.now();
    const alarm = await until(`${type} is raised`, () => this.alarms(type)[0], { timeoutMs: 60_000 });
    expect(alarm).toMatchObject({ alarm_state: 'SET', alarm_id: alarm.event_id });
    return { message: alarm.message, afterMs: performance.now() - fromMs };
  }

  /** Waits for it to be over, and sees that the two are a pair. */
  async over(type: string): Promise<void> {
    await until(`${type} is over`, () => this.alarms(type).length >= 2, { timeoutMs: 60_000 });
    const [set, cleared] = this.alarms(type);
    expect(cleared).toMatchObject({ alarm_state: 'CLEARED', alarm_id: set?.alarm_id });
    expect(cleared?.event_id).not.toBe(set?.event_id);
  }

  /** Nothing was told of any other alarm, and nothing of the stream's key. */
  expectOnly(...types: readonly string[]): void {
    const others = hook.told.filter(({ body }) => body.task_id === this.#taskId && body.alarm_type !== undefined);
    expect(new Set(others.map(({ body }) => body.alarm_type))).toEqual(new Set(types));
    expect(this.told.flatMap(body => ('message' in body ? body.message : [])).join()).not.toContain(KEY);
  }
}

async function onAir(options: SourceOptions = {}) {
  const source = await CountedSource.start(place, options);
  const oracle = await Oracle.start(place);
  const proxy = await FaultProxy.start(place, { to: oracle.port });
  const task = await Subject.live(source.url(), proxy.url(`live/${KEY}`));
  await task.started();
  return { source, proxy, task };
}

describe.concurrent('a receiver is told, and told when it is over,', { timeout: 120_000 }, () => {
  it('that a source is slower than life', async () => {
    const { source, task } = await onAir();
    source.behave({ speed: 0.8 });
    const { message, afterMs } = await task.raised('SourceSlow');
    expect(message).toMatch(/^the source sends at 0\.[78]\d of its pace$/);
    source.behave({ speed: 1 });
    await task.over('SourceSlow');
    task.expectOnly('SourceSlow');
    figure('S13', 'alarm of a source at 0.8 of its pace', afterMs / 1000, { unit: 's', atMost: 11 });
  });

  it('that the sound is gone while the picture goes on', async () => {
    const { source, task } = await onAir();
    source.behave({ without: 'audio' });
    const { message, afterMs } = await task.raised('AudioLost');
    expect(message).toBe('the source sends no audio any more');
    source.behave({ without: 'none' });
    await task.over('AudioLost');
    task.expectOnly('AudioLost');
    figure('S5', 'alarm of a lost track', afterMs / 1000, { unit: 's', atMost: 10 });
  });

  it('that key frames do not come any more', async () => {
    const { source, task } = await onAir();
    // How far apart they usually are is known from the second one on.
    await until('two groups have come', () => source.headMs > 3_000);
    source.behave({ keyless: true });
    const { message, afterMs } = await task.raised('KeyFrameStarved');
    expect(message).toMatch(/^no key frame has come for 1\d\.\d s$/);
    source.behave({ keyless: false });
    await task.over('KeyFrameStarved');
    task.expectOnly('KeyFrameStarved');
    figure('S6', 'alarm of missing key frames', afterMs / 1000, { unit: 's', atMost: 11 });
  });

  it('that the destination does not keep up', async () => {
    const { proxy, task } = await onAir({ shape: { videoKbit: 24_000 } });
    await pass(1_000);
    proxy.set('up', { bytesPerSecond: 600_000 });
    const { message } = await task.raised('DestinationCongested');
    expect(message).toMatch(/media wait for the destination|frames were dropped/);
    proxy.set('up', { bytesPerSecond: Number.POSITIVE_INFINITY });
    await task.over('DestinationCongested');
    task.expectOnly('DestinationCongested');
  });

  it('that the destination has stopped acknowledging what it takes', async () => {
    const source = await CountedSource.start(place, { shape: { videoKbit: 24_000 } });
    const deaf = await startDestination(place, acknowledges({ everyBytes: 500_000, untilBytes: 2_000_000 }));
    const task = await Subject.live(source.url(), deaf.url(`live/${KEY}`));
    await until('it has stopped', () => deaf.visits.some(({ socket }) => socket.bytesRead > 2_000_000));
    const { message, afterMs } = await task.raised('DestinationCongested');
    expect(message).toMatch(/^the destination has stopped acknowledging, [\d.]+ MB ago$/);
    task.expectOnly('DestinationCongested');
    figure('D7', 'alarm of a destination that acknowledges no more', afterMs / 1000, { unit: 's', atMost: 8 });
  });

  it('that the destination refuses', async () => {
    const source = await CountedSource.start(place);
    const gate = await startDestination(place, refuses('denied', { quoting: `: ${KEY}`, times: 3 }));
    const task = await Subject.live(source.url(), gate.url(`live/${KEY}`));
    const { message, afterMs } = await task.raised('PushStreamFailed');
    expect(message).toContain('refused publish: NetStream.Publish.Denied: Stream not allowed: ***');
    await task.over('PushStreamFailed');
    task.expectOnly('PushStreamFailed');
    figure('D3', 'alarm of a destination that refuses', afterMs / 1000, { unit: 's', atMost: 5 });
  });

  it('nothing while the destination still holds a push of ours that was lost, but for the loss', async () => {
    const source = await CountedSource.start(place);
    let held = 0;
    const { script, ...rest } = refuses('badName', { times: 3 });
    const gate = await startDestination(place, {
      ...rest,
      script: (visit, asked) => (held > 0 && script !== undefined ? script(visit, asked) : false),
    });
    const task = await Subject.live(source.url(), gate.url(`live/${KEY}`));
    await task.started();
    held++;
    gate.visits.at(-1)?.socket.resetAndDestroy();
    await task.over('PushStreamUnstable');
    task.expectOnly('PushStreamUnstable');
  });

  it('that a file has ended before the end that it names', async () => {
    const web = await Web.start(place);
    const stream = new CountedStream();
    const film = (seconds: number, named: number): Buffer =>
      flvOf([
        { kind: 'metadata', dtsMs: 0, body: amf('onMetaData', { duration: named }) },
        { kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader },
        { kind: 'audioHeader', dtsMs: 0, body: stream.audioHeader },
        ...stream.between(0, seconds * 1_000),
      ]);
    const oracle = await Oracle.start(place);
    const body = {
      ...{ source_type: 'PullVodPushLive', destination_url: oracle.url(KEY), callback_url: hook.base },
      source_urls: [web.put('/short.flv', film(4, 12)), web.put('/whole.flv', film(4, 4))],
    };
    const { body: made } = await node.huawei.call({ method: 'POST', body });
    const task = new Subject(made.task_id);
    const { message } = await task.raised('FileEndEarly');
    expect(message).toMatch(/^file 0 \(http:\S+\*\*\*\) has ended 8 s before the end that it names$/);
    await task.over('FileEndEarly');
    task.expectOnly('FileEndEarly');
  });

  it('that a source is frozen, and that it is unstable by that', async () => {
    const { source, task } = await onAir();
    source.behave({ silent: true });
    const { afterMs } = await task.raised('SourceFrozen');
    await task.raised('PullFileUnstable');
    source.behave({ silent: false });
    await task.over('SourceFrozen');
    await task.over('PullFileUnstable');
    task.expectOnly('SourceFrozen', 'PullFileUnstable');
    figure('S2', 'alarm of a silent source', afterMs / 1000, { unit: 's', atMost: 6 });
  });
});

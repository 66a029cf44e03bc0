import { describe, expect, it } from 'vitest';
import { pinOf } from '../src/media/trust.ts';
import { CountedSource } from './lab/counted-source.ts';
import { Millrace } from './lab/millrace.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { secured, securedUrl } from './lab/secured.ts';
import { selfMade } from './lab/self-made.ts';
import { until } from './lab/wait.ts';

async function push(place: Place, flags: readonly string[], parts: { port: number; from: string }) {
  const millrace = await Millrace.start(place, { flags });
  const { body } = await millrace.huawei.call({
    method: 'POST',
    body: {
      source_type: 'PullLivePushLive',
      source_urls: [parts.from],
      destination_url: `rtmps://localhost:${parts.port}/live/out`,
    },
  });
  return { millrace, id: String(body.task_id) };
}

describe.concurrent('a destination with a certificate of a private authority', () => {
  it('is pushed to by a node that was told to trust it, and not by another', async () => {
    await using place = new Place();
    const { ca, ...pair } = await selfMade(place);
    const oracle = await Oracle.start(place);
    const camera = await CountedSource.start(place);
    const port = await secured(place, Number(new URL(oracle.url('out')).port), pair);
    const parts = { port, from: camera.url('live/in') };
    const distrustful = await push(place, [], parts);
    await until('the reason is told', () => distrustful.millrace.output.includes('TLS with localhost'));
    expect(oracle.stream('out').length).toBe(0);
    await distrustful.millrace.stop();
    await push(place, ['--ca', ca], parts);
    await until('it flows', () => oracle.stream('out').video.length > 50);
  });
});

describe.concurrent('peers of which a task says whom to believe', () => {
  it('are pulled from and pushed to, each by its own authority and key', async () => {
    await using place = new Place();
    const [inner, outer] = [await selfMade(place, { name: 'inner' }), await selfMade(place, { name: 'outer' })];
    const [camera, oracle] = [await CountedSource.start(place), await Oracle.start(place)];
    OneRelay.start(place, {
      from: await securedUrl(place, camera.url('live/in'), inner),
      fromTls: { ca: inner.cert, pins: [pinOf(inner.cert)] },
      to: await securedUrl(place, oracle.url('out'), outer),
      toTls: { ca: outer.cert, pins: [pinOf(outer.cert)] },
    });
    await until('it flows', () => oracle.stream('out').video.length > 50);
    expect(oracle.stream('out').pushes).toHaveLength(1);
  });

  it('are told by the key they show where it is another one, and tried again', async () => {
    await using place = new Place();
    const [inner, outer] = [await selfMade(place, { name: 'inner' }), await selfMade(place, { name: 'outer' })];
    const [camera, oracle] = [await CountedSource.start(place), await Oracle.start(place)];
    const relay = OneRelay.start(place, {
      from: camera.url('live/in'),
      to: await securedUrl(place, oracle.url('out'), outer),
      toTls: { ca: outer.cert, pins: [pinOf(inner.cert)] },
    });
    const losses = await until('it is told twice', () => {
      const told = relay.news.filter(({ failure }) => failure?.kind === 'tls');
      return told.length > 1 ? told : undefined;
    });
    expect(losses[0]).toMatchObject({
      type: 'broke',
      side: 'push',
      reason: expect.stringContaining(pinOf(outer.cert)),
    });
    expect(oracle.stream('out').pushes).toHaveLength(0);
  });
});

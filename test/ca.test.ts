import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { CountedSource } from './lab/counted-source.ts';
import { Millrace } from './lab/millrace.ts';
import { Oracle } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { selfMade } from './lab/self-made.ts';
import { until } from './lab/wait.ts';

/** TLS in front of a plain RTMP server. */
async function secured(place: Place, to: number, pair: { key: string; cert: string }): Promise<number> {
  const server = tls.createServer(pair, outer => {
    const inner = net.connect(to, '127.0.0.1');
    outer.pipe(inner).pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => it.close());
  return (server.address() as net.AddressInfo).port;
}

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

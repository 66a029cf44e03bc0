import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { framesMore } from './faults/on-air.ts';
import { backwards, fallen, firstAfter, harm, longestGapMs, skewMs } from './lab/continuity.ts';
import { countedFile, Web } from './lab/counted-files.ts';
import { CountedFlv } from './lab/counted-flv.ts';
import { FaultProxy } from './lab/fault-proxy.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

interface OnAir {
  readonly source: CountedFlv;
  readonly pull: FaultProxy;
  readonly relay: OneRelay;
  readonly seen: SeenStream;
}

async function onAir(place: Place, scheme = 'http'): Promise<OnAir> {
  const source = await CountedFlv.start(place);
  const pull = await FaultProxy.start(place, { to: source.port });
  return { source, pull, ...(await relayed(place, `${scheme}://127.0.0.1:${pull.port}/live/s3cret.flv?sign=s3cret`)) };
}

async function relayed(place: Place, from: string): Promise<Pick<OnAir, 'relay' | 'seen'>> {
  const oracle = await Oracle.start(place);
  const relay = OneRelay.start(place, { from, to: oracle.url('out') });
  const seen = oracle.stream('out');
  await framesMore(seen, 30);
  return { relay, seen };
}

const SCHEMES = ['http', 'ws'];

describe.concurrent('FLV over HTTP or a WebSocket', () => {
  it.each(SCHEMES)('is relayed whole: %s', async scheme => {
    await using place = new Place();
    const { seen, relay } = await onAir(place, scheme);
    await framesMore(seen, 250);
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1, state: 'flowing' });
    expect(harm(seen)).toBe(0);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
    expect(longestGapMs(seen.video)).toBeLessThan(1_000);
  });

  it.each(SCHEMES)('is told at once when it is lost, and is on air again when it is back: %s', async scheme => {
    await using place = new Place();
    const { seen, relay, source } = await onAir(place, scheme);
    const goneMs = performance.now();
    await source.vanish();
    const loss = await until('the loss is told', () => relay.lossAfter(goneMs));
    expect(loss.atMs - goneMs).toBeLessThan(1_000);
    expect(JSON.stringify(relay.news)).not.toContain('s3cret');
    await source.appear();
    const backMs = performance.now();
    await until('it is on air again', () => firstAfter(seen.video, backMs));
    await framesMore(seen, 30);
    expect(seen.pushes).toHaveLength(1);
    expect(fallen(seen)).toBe(0);
  });

  it.each(SCHEMES)('is left when it says nothing for five seconds: %s', async scheme => {
    await using place = new Place();
    const { seen, relay, source } = await onAir(place, scheme);
    source.behave({ silent: true });
    const quietMs = performance.now();
    const loss = await until('the silence is told', () => relay.lossAfter(quietMs));
    expect(loss.atMs - quietMs).toBeLessThan(6_500);
    source.behave({ silent: false });
    await framesMore(seen, 30);
    expect([seen.pushes.length, backwards(seen.video), backwards(seen.audio)]).toEqual([1, 0, 0]);
  });

  it('is left when it only trickles', async () => {
    await using place = new Place();
    const { relay, pull } = await onAir(place);
    pull.set('down', { bytesPerSecond: 5 });
    const slowMs = performance.now();
    const loss = await until('the silence is told', () => relay.lossAfter(slowMs));
    expect(loss.atMs - slowMs).toBeLessThan(11_000);
  });

  it.each([-10_000, 3_600_000, 2 ** 32 - 1_000])('goes on over a step of its clock of %i ms', async shiftMs => {
    await using place = new Place();
    const { seen, source, relay } = await onAir(place);
    source.behave({ shiftMs });
    await framesMore(seen, 80);
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1 });
    expect(harm(seen)).toBe(0);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
  });

  it('is relayed whole as ffmpeg makes it', async () => {
    await using place = new Place();
    const web = await Web.start(place);
    writeFileSync(place.path('counted.flv'), countedFile(30));
    const url = web.put('/live.flv', (_, response) => {
      const args = ['-v', 'error', '-nostdin', '-re', '-i', place.path('counted.flv'), '-c', 'copy', '-f', 'flv', '-'];
      const encoder = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] });
      place.own(encoder, it => it.kill('SIGKILL'));
      response.writeHead(200, { 'content-type': 'video/x-flv' });
      encoder.stdout.pipe(response);
    });
    const { seen, relay } = await relayed(place, url);
    await framesMore(seen, 250);
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1 });
    expect(harm(seen)).toBe(0);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
  });
});

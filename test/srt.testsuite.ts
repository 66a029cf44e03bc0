import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Dialler } from '../src/media/net.ts';
import { openSink } from '../src/media/open.ts';
import { Batch } from '../src/media/packet.ts';
import { TsDemuxer } from '../src/media/ts/demux.ts';
import { framesMore } from './faults/on-air.ts';
import { Child, run } from './lab/child.ts';
import { fallen, missing, skewMs } from './lab/continuity.ts';
import { countedFile } from './lab/counted-files.ts';
import { CountedSource } from './lab/counted-source.ts';
import { CountedSrt } from './lab/counted-srt.ts';
import { type Counted, CountedStream, readCount } from './lab/counted-stream.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle } from './lab/oracle.ts';
import { freeUdpPort, isBound, Place } from './lab/place.ts';
import { SRT_LIVE_TRANSMIT } from './lab/programs.ts';
import { pass, until } from './lab/wait.ts';

const QUIET = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
const PASSPHRASE = 'correct.horse-battery';
const KILLS = Number(process.env.SRT_KILLS ?? 5);

/** An SRT server that plays a counted file to whoever calls, at its pace; by ffmpeg, which brings an SRT of its own kind. */
function play(place: Place, { port, file, query = '' }: { port: number; file: string; query?: string }): Child {
  const url = `srt://127.0.0.1:${port}?mode=listener${query}`;
  const args = [...QUIET, '-re', '-i', file, '-c', 'copy', '-f', 'mpegts', url];
  return place.own(new Child('ffmpeg', args), child => child.stop('SIGKILL'));
}

/** An SRT server, or a player that calls, which keeps the transport stream that comes. */
function keep(place: Place, { port, file, mode = 'listener' }: { port: number; file: string; mode?: string }): Child {
  const to = `srt://127.0.0.1:${port}?mode=${mode}`;
  // A shell is the test's own; the product starts none.
  const args = ['-c', 'exec "$2" -a no -q "$0" file://con > "$1"', to, file, SRT_LIVE_TRANSMIT];
  return place.own(new Child('/bin/sh', args), child => child.stop('SIGKILL'));
}

function filmed(place: Place, seconds: number): string {
  const file = place.path('counted.flv');
  mkdirSync(place.path('.'), { recursive: true });
  writeFileSync(file, countedFile(seconds));
  return file;
}

const headersOf = ({ videoHeader, audioHeader }: CountedStream) =>
  [
    { kind: 'videoHeader', dtsMs: 0, body: videoHeader },
    { kind: 'audioHeader', dtsMs: 0, body: audioHeader },
  ] as const;

function batchOf(frames: readonly Pick<Counted, 'kind' | 'dtsMs' | 'body'>[]): Batch {
  const batch = new Batch();
  for (const { kind, dtsMs, body } of frames) {
    const packet = batch.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(body, 0, body.length);
  }
  return batch;
}

/** The numbers of the pictures and sounds in a transport stream, and how often a time did not rise. */
function numbersIn(bytes: Buffer): { video: number[]; audio: number[]; backwards: number } {
  const [demuxer, batch] = [new TsDemuxer(), new Batch()];
  demuxer.push(bytes, batch);
  demuxer.end(batch);
  const seen = { video: [] as number[], audio: [] as number[], backwards: 0 };
  const last = { video: -1, audio: -1 };
  for (const packet of batch.packets.slice(0, batch.count)) {
    const count = readCount(packet.copyPayload());
    if (count === undefined) continue;
    seen[count.track].push(count.number);
    if (packet.dtsMs <= last[count.track]) seen.backwards++;
    last[count.track] = packet.dtsMs;
  }
  return seen;
}

/** What SRT does for a relay, whichever program speaks it. */
export function describeSrt(program: 'srt-live-transmit' | 'ffmpeg'): void {
  describe.concurrent(`SRT by ${program}`, () => {
    it('is pulled: every frame of an encrypted stream, once and in order', async () => {
      await using place = new Place();
      const [port, oracle] = [await freeUdpPort(), await Oracle.start(place)];
      const query = `&passphrase=${encodeURIComponent(PASSPHRASE)}&pbkeylen=32`;
      play(place, { port, file: filmed(place, 30), query: `&passphrase=${PASSPHRASE}&pbkeylen=32` });
      const from = `srt://127.0.0.1:${port}?streamid=live/one${query}`;
      const relay = OneRelay.start(place, { from, to: oracle.url('out') });
      const seen = oracle.stream('out');
      await framesMore(seen, 300);
      expect(seen.pushes).toHaveLength(1);
      expect(missing(seen.video)).toEqual([]);
      expect(missing(seen.audio)).toEqual([]);
      expect(fallen(seen)).toBe(0);
      expect(relay.bugs).toEqual([]);
    });

    it('is lost and found: a server that dies is called again, and the push lives on', async () => {
      await using place = new Place();
      const [port, oracle] = [await freeUdpPort(), await Oracle.start(place)];
      const file = filmed(place, 60);
      const first = play(place, { port, file });
      const relay = OneRelay.start(place, { from: `srt://127.0.0.1:${port}`, to: oracle.url('out') });
      const seen = oracle.stream('out');
      await framesMore(seen, 100);
      await first.stop('SIGKILL');
      await until('the loss is told', () => relay.news.some(({ type }) => type === 'broke'), { timeoutMs: 15_000 });
      play(place, { port, file });
      await framesMore(seen, 200);
      expect(seen.pushes).toHaveLength(1);
      expect(fallen(seen)).toBe(0);
      expect(relay.news.map(({ type, side }) => `${type} ${side}`)).toContain('broke pull');
    });

    it('is left when it says nothing, though it is still there, and pulled again', async () => {
      await using place = new Place();
      const [camera, oracle] = [await CountedSrt.start(place), await Oracle.start(place)];
      const relay = OneRelay.start(place, { from: camera.url, to: oracle.url('out') });
      const seen = oracle.stream('out');
      await framesMore(seen, 50);
      camera.behave({ silent: true });
      const quietMs = performance.now();
      const loss = await until('the silence is told', () => relay.lossAfter(quietMs), { timeoutMs: 15_000 });
      expect(loss.atMs - quietMs).toBeLessThan(6_500);
      camera.behave({ silent: false });
      await framesMore(seen, 50);
      expect(seen.pushes).toHaveLength(1);
      expect(fallen(seen)).toBe(0);
    });

    it.each([60_000, -20_000, 2 ** 33 / 90])(
      'may have its clock set by %d ms: nothing is lost, and sound stays with picture',
      async shiftMs => {
        await using place = new Place();
        const [camera, oracle] = [await CountedSrt.start(place), await Oracle.start(place)];
        const relay = OneRelay.start(place, { from: camera.url, to: oracle.url('out') });
        const seen = oracle.stream('out');
        await framesMore(seen, 60);
        camera.behave({ shiftMs });
        await framesMore(seen, 100);
        expect(relay.report).toMatchObject({ pushEpoch: 1, pullEpoch: 1 });
        expect(missing(seen.video)).toEqual([]);
        expect(missing(seen.audio)).toEqual([]);
        expect(fallen(seen)).toBe(0);
        expect(skewMs(seen)).toBeLessThanOrEqual(40);
      },
    );

    it('is waited for where the node may listen: a caller that comes, goes and comes again', async () => {
      await using place = new Place();
      const [port, oracle] = [await freeUdpPort(), await Oracle.start(place)];
      const from = `srt://0.0.0.0:${port}?mode=listener`;
      const relay = OneRelay.start(place, { from, to: oracle.url('out'), listens: { from: port, to: port } });
      const file = filmed(place, 60);
      const call = (): Child => {
        const args = [...QUIET, '-re', '-i', file, '-c', 'copy', '-f', 'mpegts', `srt://127.0.0.1:${port}`];
        return place.own(new Child('ffmpeg', args), child => child.stop('SIGKILL'));
      };
      const seen = oracle.stream('out');
      await until('it listens', () => isBound(port));
      const first = call();
      await framesMore(seen, 60);
      expect(missing(seen.video)).toEqual([]);
      await first.stop('SIGKILL');
      await until('the loss is told', () => relay.news.some(({ type }) => type === 'broke'), { timeoutMs: 15_000 });
      await until('it listens again', () => isBound(port), {
        timeoutMs: 15_000,
      });
      call();
      await framesMore(seen, 60);
      expect(seen.pushes).toHaveLength(1);
      expect(fallen(seen)).toBe(0);
    });

    it('is not waited for at a port that the node has not been given', async () => {
      await using place = new Place();
      const [port, oracle] = [await freeUdpPort(), await Oracle.start(place)];
      const relay = OneRelay.start(place, { from: `srt://0.0.0.0:${port}?mode=listener`, to: oracle.url('out') });
      const refused = await until('it is told', () => relay.news.find(({ failure }) => failure !== undefined));
      expect(refused).toMatchObject({
        side: 'pull',
        failure: { kind: 'policy' },
        reason: expect.stringContaining('may listen at no port'),
      });
    });

    it('is pushed to: every frame arrives, and a stranger`s decoder finds no fault in it', async () => {
      await using place = new Place();
      const [port, camera] = [await freeUdpPort(), await CountedSource.start(place)];
      const file = filmed(place, 1).replace('counted.flv', 'out.ts');
      const receiver = keep(place, { port, file });
      const to = `srt://127.0.0.1:${port}?streamid=${encodeURIComponent('#!::r=live/out,m=publish')}`;
      const relay = OneRelay.start(place, { from: camera.url('live/in'), to });
      await until('it flows', () => relay.news.some(({ type }) => type === 'flowing'), { timeoutMs: 20_000 });
      await pass(10_000);
      await relay.stop();
      await receiver.stop();
      const { video, audio, backwards: back } = numbersIn(readFileSync(file));
      expect(video.length).toBeGreaterThan(200);
      expect(missing({ numbers: video })).toEqual([]);
      expect(missing({ numbers: audio })).toEqual([]);
      expect(back).toBe(0);
      expect(await run('ffmpeg', [...QUIET, '-xerror', '-i', file, '-f', 'null', '-'])).toBe('');
    });

    it('is pushed to by a node that is called, down to the last picture in front of its end', async () => {
      await using place = new Place();
      const [port, file, stream] = [await freeUdpPort(), place.path('out.ts'), new CountedStream({})];
      const dialler = new Dialler({ preset: 'lab', listens: { from: port, to: port } });
      const { signal } = new AbortController();
      const opening = openSink(`srt://0.0.0.0:${port}?mode=listener`, { dialler, signal, now: monotonic });
      await until('it listens', () => isBound(port));
      const player = keep(place, { port, file, mode: 'caller' });
      const sink = await opening;
      sink.write(batchOf(headersOf(stream)));
      for (let atMs = 0; atMs < 1_000; atMs += 50) {
        sink.write(batchOf(stream.between(atMs, atMs + 50)));
        await pass(50);
      }
      await sink.close();
      await player.stop();
      const { video, audio } = numbersIn(readFileSync(file));
      expect(video.length + audio.length).toBe(stream.between(0, 1_000).length);
    });

    it('tells a wrong passphrase as what it is, without the passphrase', async () => {
      await using place = new Place();
      const [port, oracle] = [await freeUdpPort(), await Oracle.start(place)];
      const listener = `srt://127.0.0.1:${port}?mode=listener&passphrase=${PASSPHRASE}`;
      place.own(new Child(SRT_LIVE_TRANSMIT, ['-q', listener, 'file://con']), child => child.stop('SIGKILL'));
      const relay = OneRelay.start(place, {
        from: `srt://127.0.0.1:${port}?passphrase=wrongwrongwrong`,
        to: oracle.url('out'),
      });
      const refused = await until(
        'it is told',
        () => relay.news.find(({ failure }) => failure?.refusal !== undefined),
        {
          timeoutMs: 20_000,
        },
      );
      expect(refused).toMatchObject({
        type: 'broke',
        side: 'pull',
        failure: { kind: 'refused', refusal: 'credentials' },
      });
      expect(refused.reason).toContain('the passphrase is wrong or missing');
      expect(JSON.stringify(relay.news)).not.toContain('wrongwrong');
    });

    it(
      `leaves no child behind when its worker is killed, ${KILLS} times`,
      async () => {
        await using place = new Place();
        const [port, oracle] = [await freeUdpPort(), await Oracle.start(place)];
        const file = filmed(place, 120);
        const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
        const body = {
          source_type: 'PullLivePushLive',
          source_urls: [`srt://127.0.0.1:${port}`],
          destination_url: oracle.url('out'),
        };
        expect((await millrace.huawei.call({ method: 'POST', body })).status).toBe(200);
        const children = async (): Promise<readonly string[]> =>
          (await run('ps', ['-eo', 'pid=,args=']))
            .split('\n')
            .filter(line => line.includes(`:${port}?mode=caller`) && line.trim().split(/\s+/)[1] === program);
        for (let kill = 0; kill < KILLS; kill++) {
          const server = play(place, { port, file });
          const frames = oracle.stream('out').length;
          await until('it is on air', () => oracle.stream('out').length > frames + 50, { timeoutMs: 40_000 });
          const [worker] = processesOf(millrace.data).filter(({ command }) => command.includes('worker/main.ts'));
          if (worker === undefined) throw new Error('there is no worker');
          const child = await until('its child is seen', async () => (await children())[0]);
          process.kill(worker.pid, 'SIGKILL');
          await until('the child is gone', async () => !(await children()).includes(child), { timeoutMs: 5_000 });
          await server.stop('SIGKILL');
        }
      },
      60_000 + KILLS * 15_000,
    );
  });
}

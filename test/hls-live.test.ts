import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { framesMore } from './faults/on-air.ts';
import { Child } from './lab/child.ts';
import { doubled, fallen, firstAfter, harm, longestGapMs, skewMs } from './lab/continuity.ts';
import { countedFile } from './lab/counted-files.ts';
import { CountedHls } from './lab/counted-hls.ts';
import { frames, media, record, videoOf } from './lab/ffmpeg.ts';
import { serveFiles } from './lab/file-server.ts';
import { Nginx } from './lab/nginx.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

interface OnAir {
  readonly relay: OneRelay;
  readonly seen: SeenStream;
}

/** One relay from an address, once frames arrive. */
async function onAir(place: Place, from: string): Promise<OnAir> {
  const oracle = await Oracle.start(place);
  const relay = OneRelay.start(place, { from, to: oracle.url('out') });
  const seen = oracle.stream('out');
  await framesMore(seen, 20);
  return { relay, seen };
}

describe.concurrent('a live HLS source', () => {
  it('is relayed whole and at the pace of its own clock', async () => {
    await using place = new Place();
    const { seen } = await onAir(place, (await CountedHls.start(place)).url);
    const [fromMs, fromFrames] = [performance.now(), seen.video.length];
    await pass(8_000);
    const rate = (seen.video.length - fromFrames) / 25 / ((performance.now() - fromMs) / 1000);
    expect(rate).toBeCloseTo(1, 1);
    expect(longestGapMs(seen.video)).toBeLessThan(1_000);
    expect(harm(seen)).toBe(0);
  });

  it('that dies is told once what it has listed is played, and is on air again when it is back', async () => {
    await using place = new Place();
    const hls = await CountedHls.start(place);
    const { seen, relay } = await onAir(place, hls.url);
    const goneMs = performance.now();
    await hls.vanish();
    const loss = await until('the loss is told', () => relay.lossAfter(goneMs));
    expect(loss).toMatchObject({ side: 'pull', reason: expect.stringContaining('connect') });
    expect(JSON.stringify(relay.news)).not.toContain('s3cret');
    await hls.appear();
    const backMs = performance.now();
    await until('it is on air again', () => firstAfter(seen.video, backMs));
    await framesMore(seen, 30);
    expect(seen.pushes).toHaveLength(1);
    expect(doubled(seen) + fallen(seen)).toBe(0);
  });
});

/** What ffmpeg writes, by how it is asked to. */
const KINDS: Readonly<Record<string, { readonly list: string; readonly args: readonly string[] }>> = {
  'MPEG-TS': { list: 'list.m3u8', args: [] },
  'fragmented MP4': { list: 'list.m3u8', args: ['-hls_segment_type', 'fmp4'] },
  'byte ranges of one file': { list: 'list.m3u8', args: ['-hls_flags', 'single_file'] },
  'AES-128 with keys that change': {
    list: 'list.m3u8',
    args: ['-hls_key_info_file', 'key.info', '-hls_flags', 'periodic_rekey'],
  },
  'a master playlist with the sound apart': {
    list: 'master.m3u8',
    args: ['-master_pl_name', 'master.m3u8', '-var_stream_map', 'a:0,agroup:s,default:yes v:0,agroup:s'],
  },
  'the same in fragmented MP4': {
    list: 'master.m3u8',
    args: [
      ...['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init%v.mp4'],
      ...['-master_pl_name', 'master.m3u8', '-var_stream_map', 'a:0,agroup:s,default:yes v:0,agroup:s'],
    ],
  },
};

/** Puts another key beside the encoder now and then, for one that asks for it. */
function changeKeys(place: Place, dir: string): void {
  let number = 0;
  const change = (): void => {
    number++;
    writeFileSync(`${dir}/key${number}`, Buffer.alloc(16, number));
    writeFileSync(`${dir}/key.part`, `key${number}\n${dir}/key${number}\n`);
    renameSync(`${dir}/key.part`, `${dir}/key.info`);
  };
  change();
  place.own(setInterval(change, 3_000), timer => clearInterval(timer));
}

/** An encoder that writes a live list into a directory. */
function encode(place: Place, dir: string, args: readonly string[], apart: boolean): Child {
  const source = place.path('counted.flv');
  const hls = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '5', ...args];
  const names = [
    '-hls_segment_filename',
    `${dir}/${apart ? '%v-' : ''}%d.seg`,
    `${dir}/${apart ? 'list%v' : 'list'}.m3u8`,
  ];
  const rates = ['-b:v', '100k', '-b:a', '64k'];
  const input = ['-v', 'error', '-nostdin', '-re', '-i', source, '-map', '0:v', '-map', '0:a', '-c', 'copy', ...rates];
  return place.own(new Child('ffmpeg', [...input, ...hls, ...names], { cwd: dir }), it => it.stop('SIGKILL'));
}

describe.concurrent('pictures that are not shown in the order of their decoding', () => {
  it.each(['mpegts', 'fmp4'])('are the same behind a live HLS source: %s', async kind => {
    await using place = new Place();
    const dir = place.path('live');
    mkdirSync(dir);
    copyFileSync(await media({ seconds: 40, bframes: 2 }), place.path('counted.flv'));
    encode(place, dir, ['-hls_segment_type', kind], false);
    const base = await serveFiles(place, dir);
    await until('the list is there', () => existsSync(`${dir}/list.m3u8`));
    const sink = await Nginx.start(place);
    OneRelay.start(place, { from: `${base}/list.m3u8`, to: sink.url('out') });
    await sink.publisherOf('out');
    const recorder = record(place, sink.url('out'), place.path('out.flv'));
    await pass(12_000);
    recorder.process.kill('SIGINT');
    await recorder.exited;
    const made = videoOf(await frames(place.path('counted.flv'), 'decode')).map(({ hash }) => hash);
    // Where the recording ends, pictures may lack one that they refer to.
    const seen = videoOf(await frames(place.path('out.flv'), 'decode'))
      .map(({ hash }) => hash)
      .slice(0, -5);
    const first = made.indexOf(seen[0] ?? '');
    expect(seen.length).toBeGreaterThan(200);
    expect(seen).toEqual(made.slice(first, first + seen.length));
  });
});

describe.concurrent('what ffmpeg writes as live HLS is relayed whole', () => {
  it.each(Object.entries(KINDS))('%s', async (_, { list, args }) => {
    await using place = new Place();
    const dir = place.path('live');
    mkdirSync(dir);
    writeFileSync(place.path('counted.flv'), countedFile(60));
    changeKeys(place, dir);
    const encoder = encode(place, dir, args, list !== 'list.m3u8');
    const base = await serveFiles(place, dir);
    await until('the list is there', () => existsSync(`${dir}/${list}`));
    const { seen, relay } = await onAir(place, `${base}/${list}`);
    await until('twenty seconds are relayed', () => Math.max(...seen.video.numbers) > 20 * 25, { timeoutMs: 40_000 });
    expect(encoder.running, encoder.output).toBe(true);
    expect(relay.news.map(({ type }) => type)).toEqual(['flowing']);
    expect(harm(seen)).toBe(0);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
  });
});

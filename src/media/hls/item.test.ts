import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { audioIn, type Kept, playAll, videoIn } from '../../../test/lab/packets.ts';
import { Fault } from '../fault.ts';
import { ScriptedBytes } from '../file/scripted-bytes.ts';
import { scriptedMedia } from '../ts/scripted-stream.ts';
import { openHls } from './item.ts';

const signal = AbortSignal.timeout(60_000);
const BASE = 'http://host/vod/';
const SECOND = (i: number): Buffer => scriptedMedia({ seconds: 1, startMs: 10_000 + i * 1000 }).bytes;

/** A web server in memory; what was opened, and closed again, is noted. */
class Shelf {
  readonly opened: string[] = [];
  readonly files: ScriptedBytes[] = [];
  readonly #bodies: ReadonlyMap<string, Buffer>;

  constructor(bodies: Readonly<Record<string, Buffer | string>>) {
    this.#bodies = new Map(Object.entries(bodies).map(([name, body]) => [BASE + name, Buffer.from(body)]));
  }

  async open(url: string): Promise<ScriptedBytes> {
    this.opened.push(url.slice(BASE.length));
    const body = this.#bodies.get(url);
    if (body === undefined) throw new Fault('pull', 'refused', `HTTP 404 from ${url}`);
    const file = new ScriptedBytes(body);
    this.files.push(file);
    return file;
  }

  async play(name: string, startMs = 0): Promise<{ kept: Kept[]; item: Awaited<ReturnType<typeof openHls>> }> {
    const url = BASE + name;
    const openFile = (at: string) => this.open(at);
    const item = await openHls(await this.open(url), { url, openFile, startMs, signal });
    const kept = await playAll(item, { stepMs: 200 });
    item.close();
    return { kept, item };
  }
}

const list = (...lines: readonly string[]): string => ['#EXTM3U', ...lines, '#EXT-X-ENDLIST', ''].join('\n');
const seconds = (count: number): string[] => Array.from({ length: count }, (_, i) => `#EXTINF:1.0,\n${i}.ts`);
const files = (count: number): Record<string, Buffer> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.ts`, SECOND(i)]));
const times = (kept: readonly Kept[]): number[] => videoIn(kept).map(({ dtsMs }) => dtsMs);
const everyFrame = (count: number, fromMs = 0): number[] =>
  Array.from({ length: count * 25 }, (_, i) => fromMs + i * 40);

describe('an HLS playlist', () => {
  it('is played as one file, and every segment is closed again', async () => {
    const shelf = new Shelf({ 'list.m3u8': list(...seconds(5)), ...files(5) });
    const { kept, item } = await shelf.play('list.m3u8');
    expect(item.durationMs).toBe(5000);
    expect(times(kept)).toEqual(everyFrame(5));
    expect(kept.filter(({ kind }) => kind === 'videoHeader')).toHaveLength(1);
    expect(shelf.files.map(({ closed }) => closed)).toEqual(shelf.files.map(() => true));
  });

  it('opens one segment ahead and no more', async () => {
    const shelf = new Shelf({ 'list.m3u8': list(...seconds(50)), ...files(50) });
    const url = `${BASE}list.m3u8`;
    const item = await openHls(await shelf.open(url), { url, openFile: at => shelf.open(at), startMs: 0, signal });
    // A second of media at hand is the first segment and a little of the second.
    expect(shelf.opened.length).toBeLessThanOrEqual(4);
    item.close();
    await new Promise(resolve => setImmediate(resolve));
    expect(shelf.files.every(({ closed }) => closed)).toBe(true);
  });

  it.each([
    [4_300, 4_000],
    [7_000, 7_000],
    [99_000, 9_000],
  ])('started at %i ms begins at the key frame at %i ms', async (startMs, keyMs) => {
    const shelf = new Shelf({ 'list.m3u8': list(...seconds(10)), ...files(10) });
    const { kept, item } = await shelf.play('list.m3u8', startMs);
    expect(item.startMs).toBe(keyMs);
    expect(times(kept)).toEqual(everyFrame((10_000 - keyMs) / 1000, keyMs));
    expect(shelf.opened).not.toContain('0.ts');
  });

  it('goes back a segment where one begins without a key frame', async () => {
    const whole = scriptedMedia({ seconds: 4, gop: 100 });
    const half = Math.ceil(whole.packets.length / 2);
    const shelf = new Shelf({
      'list.m3u8': list('#EXTINF:2\na.ts', '#EXTINF:2\nb.ts'),
      'a.ts': Buffer.concat(whole.packets.slice(0, half)),
      'b.ts': Buffer.concat(whole.packets.slice(half)),
    });
    const { item } = await shelf.play('list.m3u8', 3_000);
    expect(item.startMs).toBe(0);
  });

  it('goes on over discontinuities without a gap', async () => {
    const other = scriptedMedia({ seconds: 1, startMs: 5_000_000 }).bytes;
    const lines = [
      ...seconds(2),
      '#EXT-X-DISCONTINUITY',
      '#EXTINF:1\nother.ts',
      '#EXT-X-DISCONTINUITY',
      '#EXTINF:1\n1.ts',
    ];
    const shelf = new Shelf({ 'list.m3u8': list(...lines), 'other.ts': other, ...files(2) });
    const { kept } = await shelf.play('list.m3u8');
    const steps = times(kept).map((ms, i, all) => ms - (all[i - 1] ?? -40));
    expect(times(kept)).toHaveLength(100);
    // At each joint the next part waits for the longer track of the one before.
    expect(Math.max(...steps)).toBeLessThanOrEqual(65);
    const drift = audioIn(kept).at(-1)?.dtsMs ?? 0;
    expect(Math.abs(drift - (times(kept).at(-1) ?? 0))).toBeLessThanOrEqual(40);
  });

  it('decrypts AES-128, by the told IV or the number of the segment, and fetches a key once', async () => {
    const secret = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    const encrypt = (plain: Buffer, iv: Buffer): Buffer => {
      const cipher = createCipheriv('aes-128-cbc', secret, iv);
      return Buffer.concat([cipher.update(plain), cipher.final()]);
    };
    const told = Buffer.alloc(16, 7);
    const numbered = Buffer.from('00000000000000000000000000000006', 'hex');
    const lines = [
      '#EXT-X-MEDIA-SEQUENCE:5',
      `#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x${told.toString('hex')}`,
      '#EXTINF:1\n0.ts',
      '#EXT-X-KEY:METHOD=AES-128,URI="key"',
      '#EXTINF:1\n1.ts',
      '#EXT-X-KEY:METHOD=NONE',
      '#EXTINF:1\n2.ts',
    ];
    const bodies = { '0.ts': encrypt(SECOND(0), told), '1.ts': encrypt(SECOND(1), numbered), '2.ts': SECOND(2) };
    const shelf = new Shelf({ 'list.m3u8': list(...lines), key: secret, ...bodies });
    expect(times((await shelf.play('list.m3u8')).kept)).toEqual(everyFrame(3));
    expect(shelf.opened.filter(name => name === 'key')).toHaveLength(1);
    const short = new Shelf({ 'list.m3u8': list(...lines), key: secret.subarray(1), ...bodies });
    await expect(short.play('list.m3u8')).rejects.toThrow('16 bytes');
    const cut = new Shelf({
      'list.m3u8': list(...lines),
      key: secret,
      ...bodies,
      '1.ts': bodies['1.ts'].subarray(0, 999),
    });
    await expect(cut.play('list.m3u8')).rejects.toThrow('cannot be decrypted');
  });

  it('plays pieces of one file, opened once', async () => {
    const parts = [0, 1, 2].map(SECOND);
    let offset = 0;
    const lines = parts.map(part => {
      const line = `#EXTINF:1\n#EXT-X-BYTERANGE:${part.length}@${offset}\nall.ts`;
      offset += part.length;
      return line;
    });
    const shelf = new Shelf({ 'list.m3u8': list(...lines), 'all.ts': Buffer.concat(parts) });
    expect(times((await shelf.play('list.m3u8')).kept)).toEqual(everyFrame(3));
    expect(shelf.opened).toEqual(['list.m3u8', 'all.ts']);
  });

  it('of variants is played by the one of the widest band', async () => {
    const master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9\nlist.m3u8\n';
    const shelf = new Shelf({ 'master.m3u8': master, 'list.m3u8': list(...seconds(2)), ...files(2) });
    expect(times((await shelf.play('master.m3u8')).kept)).toEqual(everyFrame(2));
    const loop = new Shelf({ 'master.m3u8': master, 'list.m3u8': master });
    await expect(loop.play('master.m3u8')).rejects.toThrow('leads to another');
    expect(loop.files.every(({ closed }) => closed)).toBe(false);
  });

  it('is played with the sound of a rendition of its own, in step', async () => {
    const master = [
      '#EXTM3U',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",DEFAULT=YES,URI="sound.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"',
      'list.m3u8\n',
    ].join('\n');
    const sound = list('#EXTINF:3\nall.ts', '#EXTINF:3\nrest.ts');
    const all = scriptedMedia({ seconds: 3, startMs: 10_000 }).bytes;
    const rest = scriptedMedia({ seconds: 3, startMs: 13_000 }).bytes;
    const shelf = new Shelf({
      'master.m3u8': master,
      'list.m3u8': list(...seconds(6)),
      'sound.m3u8': sound,
      'all.ts': all,
      'rest.ts': rest,
      ...files(6),
    });
    const { kept } = await shelf.play('master.m3u8');
    expect(times(kept)).toEqual(everyFrame(6));
    expect(audioIn(kept).length).toBeGreaterThan(280);
    const late = kept.map((packet, i) => (kept[i - 1]?.dtsMs ?? 0) - packet.dtsMs);
    expect(Math.max(...late)).toBeLessThan(50);
  });

  it.each([
    ['that is live', '#EXTM3U\n#EXTINF:1\n0.ts\n', 'live stream'],
    ['without segments', list(), 'lists no segment'],
    ['of a segment that is missing', list('#EXTINF:1\nnone.ts'), 'HTTP 404'],
    ['of segments that are something else', list('#EXTINF:1\ntext'), 'neither MPEG-TS nor'],
    ['of bare audio frames', list('#EXTINF:1\npacked'), 'bare audio frames'],
    ['of variants that do not exist', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n', 'no variant'],
  ])('%s is refused', async (_, text, sentence) => {
    const shelf = new Shelf({ 'list.m3u8': text, text: '<html>'.repeat(100), packed: 'ID3'.repeat(100), ...files(1) });
    await expect(shelf.play('list.m3u8')).rejects.toThrow(sentence);
  });

  it('tells of a segment that is missing when its turn has come, not before', async () => {
    const shelf = new Shelf({ 'list.m3u8': list(...seconds(4)), ...files(3) });
    const url = `${BASE}list.m3u8`;
    const item = await openHls(await shelf.open(url), { url, openFile: at => shelf.open(at), startMs: 0, signal });
    await expect(playAll(item)).rejects.toThrow('HTTP 404');
    item.close();
  });
});

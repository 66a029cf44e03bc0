import { describe, expect, it } from 'vitest';
import { Web } from '../../../test/lab/counted-files.ts';
import { tsOf } from '../../../test/lab/counted-hls.ts';
import { CountedStream, readCount } from '../../../test/lab/counted-stream.ts';
import { dice } from '../../../test/lab/films.ts';
import { Place } from '../../../test/lab/place.ts';
import { pass, until } from '../../../test/lab/wait.ts';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSource } from '../open.ts';
import { Batch, isVideo, type Source } from '../packet.ts';
import { parsePlaylist } from './playlist.ts';

const stream = new CountedStream();
const HEAD = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n';
const segment = (n: number): Buffer => tsOf(stream, stream.between(n * 1_000, (n + 1) * 1_000));
const listOf = (...names: readonly string[]): Buffer =>
  Buffer.from(HEAD + names.map(name => `#EXTINF:1,\n${name}\n`).join(''));

async function open(place: Place, url: string): Promise<Source> {
  const source = await openSource(url, {
    dialler: new Dialler({ preset: 'lab' }),
    signal: new AbortController().signal,
  });
  return place.own(source, it => it.close());
}

const failing = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error)),
  );

/** The numbers of the pictures up to the fault that ends it, or until there are so many. */
async function pictures(source: Source, most: number): Promise<{ numbers: number[]; fault: Fault | undefined }> {
  const numbers: number[] = [];
  const batch = new Batch();
  let fault: Fault | undefined;
  await until('enough is read', () => {
    batch.clear();
    try {
      source.read(batch);
    } catch (error) {
      fault = error as Fault;
    }
    for (const packet of batch.packets.slice(0, batch.count)) {
      if (isVideo(packet.kind)) numbers.push(readCount(packet.copyPayload())?.number ?? -1);
    }
    return fault !== undefined || numbers.length >= most;
  });
  return { numbers, fault };
}

describe('a live HLS address', () => {
  it('plays the best variant, or the best that needs no more than is asked for', async () => {
    await using place = new Place();
    const web = await Web.start(place);
    const variants = [1, 3, 2].map(n => `#EXT-X-STREAM-INF:BANDWIDTH=${n}000000\n${n}.m3u8`);
    const url = web.put('/master.m3u8', Buffer.from(`#EXTM3U\n${variants.join('\n')}`));
    for (const n of [1, 2, 3]) web.put(`/${n}.m3u8`, listOf(`of${n}.ts`));
    const asked = async (fragment: string): Promise<string | undefined> => {
      web.asked.length = 0;
      await open(place, url + fragment);
      return web.asked.map(({ path }) => path).find(path => /^\/\d/.test(path));
    };
    expect(await asked('')).toBe('/3.m3u8');
    expect(await asked('#bandwidth=2500000')).toBe('/2.m3u8');
    expect(await asked('#bandwidth=10')).toBe('/1.m3u8');
  });

  it('plays another variant where the best cannot be had', async () => {
    await using place = new Place();
    const web = await Web.start(place);
    const master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\ngone.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8';
    web.put('/low.m3u8', listOf('0.ts'));
    web.put('/0.ts', segment(0));
    const source = await open(place, web.put('/master.m3u8', Buffer.from(master)));
    expect((await pictures(source, 3)).numbers.slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('goes on behind what it has played, when it is opened again', async () => {
    await using place = new Place();
    const web = await Web.start(place);
    for (const n of [0, 1]) web.put(`/${n}.ts`, segment(n));
    const url = web.put('/list.m3u8', listOf('0.ts'));
    const first = await open(place, url);
    await pictures(first, 3);
    first.close();
    web.put('/list.m3u8', listOf('0.ts', '1.ts'));
    const { numbers } = await pictures(await open(place, url), 3);
    expect(numbers.slice(0, 3)).toEqual([25, 26, 27]);
  });

  it('leaves nothing open when it is closed', async () => {
    await using place = new Place();
    const web = await Web.start(place);
    web.put('/0.ts', segment(0));
    const source = await open(place, web.put('/list.m3u8', listOf('0.ts')));
    await pictures(source, 3);
    source.close();
    source.close();
    const { length } = web.asked;
    await pass(1_200);
    expect(web.asked).toHaveLength(length);
  });

  it.each([
    ['that is complete', `${HEAD}#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST`, 'closed', /ended/],
    ['of more than 1 MB', `${HEAD}${'#EXT-X-COMMENT\n'.repeat(80_000)}`, 'garbage', /more than 1048576 bytes/],
    ['of a hundred thousand lines', `${HEAD}${'#\n'.repeat(100_001)}`, 'garbage', /more than 100000 lines/],
    ['that leads to itself', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8', 'garbage', /leads to another/],
    ['that lists no variant', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n', 'garbage', /no variant/],
    ['with a number below zero', `${HEAD}#EXT-X-MEDIA-SEQUENCE:-1\n#EXTINF:1,\n0.ts`, 'garbage', /whole number/],
    ['with a duration below zero', `${HEAD}#EXTINF:-1,\n0.ts`, 'garbage', /no duration/],
    [
      'with a range beyond any file',
      `${HEAD}#EXTINF:1,\n#EXT-X-BYTERANGE:9007199254740991@9007199254740991\n0.ts`,
      'garbage',
      /beyond the end/,
    ],
    ['with segments of this machine', `${HEAD}#EXTINF:1,\nfile:///etc/passwd`, 'policy', /scheme file/],
    [
      'with keys of another kind',
      `${HEAD}#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"\n#EXTINF:1,\n0.ts`,
      'unsupported',
      /SAMPLE/,
    ],
  ])('is refused with a list %s', async (_, text, kind, sentence) => {
    await using place = new Place();
    const web = await Web.start(place);
    const fault = await failing(open(place, web.put('/list.m3u8', Buffer.from(text))));
    expect(fault).toMatchObject({ side: 'pull', kind });
    expect(fault.message).toMatch(sentence);
  });

  it.each([
    ['segments', '#EXTINF:1,\nhttp://169.254.169.254/0.ts\n#EXTINF:1,\nhttp://169.254.169.254/1.ts'],
    ['keys', '#EXT-X-KEY:METHOD=AES-128,URI="http://169.254.169.254/k"\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts'],
    ['maps', '#EXT-X-MAP:URI="http://169.254.169.254/m"\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts'],
  ])('dials no forbidden address for its %s', async (_, lines) => {
    await using place = new Place();
    const web = await Web.start(place);
    const source = await open(place, web.put('/list.m3u8', Buffer.from(HEAD + lines)));
    const { numbers, fault } = await pictures(source, 1);
    expect([numbers, fault?.kind]).toEqual([[], 'policy']);
  });

  it('does not follow a segment to a forbidden address, another scheme or in circles', async () => {
    await using place = new Place();
    const web = await Web.start(place);
    const to = ['http://169.254.169.254/', 'ftp://127.0.0.1/', '/0.ts'];
    for (const [i, location] of to.entries()) {
      web.put(`/${i}.ts`, (_, response) => response.writeHead(302, { location }).end());
      web.put('/9.ts', (_, response) => response.writeHead(302, { location }).end());
      const source = await open(place, web.put(`/list${i}.m3u8`, listOf(`${i}.ts`, '9.ts')));
      const { numbers, fault } = await pictures(source, 1);
      expect([numbers, fault?.side]).toEqual([[], 'pull']);
    }
  });
});

describe('a playlist', () => {
  const lines = [
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@8"',
    '#EXT-X-KEY:METHOD=AES-128,URI="k?a=1,2",IV=0xff\n#EXTINF:2.0,x\n#EXT-X-BYTERANGE:100@50\n1.ts\n#EXT-X-GAP',
    '#EXTINF:2,\n2.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nhttp://h/3.ts?x#y\n#EXT-X-PART:DURATION=1,URI="p"',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="a.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8',
  ];
  const text = lines.slice(0, 3).join('\n');

  it('is read or refused, wherever it is cut', () => {
    for (const whole of [text, lines.join('\n')]) {
      for (let end = 0; end <= whole.length; end++) expectReadOrRefused(whole.slice(0, end));
    }
  });

  it('is read or refused, whatever is done to it', () => {
    const roll = dice(19);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(i % 2 === 0 ? text : lines.join('\n'));
      for (let n = roll(6); n >= 0; n--) bytes[roll(bytes.length)] = roll(256);
      expectReadOrRefused(bytes.toString('latin1'));
    }
  });
});

function expectReadOrRefused(text: string): void {
  try {
    parsePlaylist(text, 'http://h/live/list.m3u8?sign=s3cret');
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect((error as Fault).message).not.toContain('s3cret');
  }
}

import { describe, expect, it } from 'vitest';
import { type MasterPlaylist, type MediaPlaylist, parsePlaylist } from './playlist.ts';

const URL_OF_LIST = 'http://host/vod/list.m3u8?token=1';
const parse = (lines: string, url = URL_OF_LIST) => parsePlaylist(`#EXTM3U\n${lines}`, url);
const media = (lines: string, url?: string) => parse(lines, url) as MediaPlaylist;

describe('a media playlist', () => {
  it('lists its segments with addresses beside its own', () => {
    const list = media(
      '#EXT-X-VERSION:3\r\n#EXT-X-MEDIA-SEQUENCE:7\r\n#EXTINF:4.004,title\r\na.ts\r\n#EXTINF:2\r\n/b/c.ts?x=1#y\r\n#EXT-X-ENDLIST\r\n',
    );
    expect(list.complete).toBe(true);
    expect(list.segments.map(({ url, durationMs, sequence }) => ({ url, durationMs, sequence }))).toEqual([
      { url: 'http://host/vod/a.ts', durationMs: 4004, sequence: 7 },
      { url: 'http://host/b/c.ts?x=1', durationMs: 2000, sequence: 8 },
    ]);
  });

  it('lists byte ranges, those too that go on where the last one ended', () => {
    const list = media(
      '#EXTINF:1\n#EXT-X-BYTERANGE:100@50\na.ts\n#EXTINF:1\n#EXT-X-BYTERANGE:30\na.ts\n#EXTINF:1\n#EXT-X-BYTERANGE:20\nb.ts',
    );
    expect(list.segments.map(({ range }) => range)).toEqual([
      { offset: 50, length: 100 },
      { offset: 150, length: 30 },
      { offset: 0, length: 20 },
    ]);
  });

  it('lists keys, maps, discontinuities and gaps with the segments that they hold for', () => {
    const list = media(
      [
        '#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@8"',
        '#EXT-X-KEY:METHOD=AES-128,URI="k?a=1,2",IV=0xff',
        '#EXTINF:1\n1',
        '#EXT-X-DISCONTINUITY\n#EXTINF:1\n2',
        '#EXT-X-KEY:METHOD=NONE',
        '#EXT-X-GAP\n#EXTINF:1\n3',
        '#EXTINF:1\n4\n#EXTINF:1\n5',
      ].join('\n'),
    );
    const names = list.segments.map(({ url, discontinuity }) => `${url.slice(-1)}${discontinuity ? '|' : ''}`);
    expect(names).toEqual(['1', '2|', '4|', '5']);
    expect(list.segments[0]?.key?.url).toBe('http://host/vod/k?a=1,2');
    expect(list.segments[0]?.key?.iv?.toString('hex')).toBe('000000000000000000000000000000ff');
    expect(list.segments[2]?.key).toBe(undefined);
    expect(list.segments[0]?.map).toEqual({ url: 'http://host/vod/init.mp4', range: { offset: 8, length: 720 } });
    expect(list.complete).toBe(false);
  });

  it('names files of the media directory beside its own, and the network', () => {
    const urls = (line: string) => media(`#EXTINF:1\n${line}`, 'media://films/a/list.m3u8').segments[0]?.url;
    expect(urls('1.ts')).toBe('media://films/a/1.ts');
    expect(urls('../b/1.ts')).toBe('media://films/b/1.ts');
    expect(urls('/1.ts')).toBe('media://1.ts');
    expect(urls('http://host/1.ts')).toBe('http://host/1.ts');
    // Refused where it is opened: no name may hold "..".
    expect(urls('../../../etc/passwd')).toBe('media://../etc/passwd');
  });

  it.each(['file:///etc/passwd', 'data:text/plain,x', 'media://films/a.ts', 'concat:a|b', 'FILE:a'])(
    'from the network may not name %s',
    line => {
      expect(() => media(`#EXTINF:1\n${line}`)).toThrow(expect.objectContaining({ side: 'pull', kind: 'policy' }));
    },
  );

  it.each([
    ['a segment without EXTINF', '#EXTINF:1\na.ts\nb.ts', 4],
    ['a duration that is none', '#EXTINF:abc\na.ts', 2],
    ['a negative duration', '#EXTINF:-1\na.ts', 2],
    ['an endless duration', '#EXTINF:1e999\na.ts', 2],
    ['a byte range that is none', '#EXTINF:1\n#EXT-X-BYTERANGE:5@x\na.ts', 3],
    ['a byte range of more than can be counted', '#EXTINF:1\n#EXT-X-BYTERANGE:9999999999999999@1\na.ts', 3],
    ['an empty byte range', '#EXTINF:1\n#EXT-X-BYTERANGE:0@1\na.ts', 3],
    ['attributes that are no list', '#EXT-X-KEY:METHOD="AES-128,URI="k"', 2],
    ['attributes without a name', '#EXT-X-MAP:URI', 2],
    ['a key without an address', '#EXT-X-KEY:METHOD=AES-128', 2],
    ['an IV that is no number', '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=12', 2],
    ['an IV that is too long', `#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x${'1'.repeat(33)}`, 2],
    ['a map without an address', '#EXT-X-MAP:BYTERANGE="1@1"', 2],
    ['a sequence that is no number', '#EXT-X-MEDIA-SEQUENCE:x', 2],
  ])('with %s is refused by its line', (_, lines, line) => {
    const sentence = expect.stringContaining(`line ${line} of the playlist`);
    expect(() => media(lines)).toThrow(expect.objectContaining({ kind: 'garbage', message: sentence }));
  });

  it('encrypted otherwise than by AES-128 is refused by the method', () => {
    expect(() => media('#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"')).toThrow('SAMPLE-AES');
  });

  it('of more than 100,000 segments is refused, and one of that many read at once', () => {
    const lines = '#EXTINF:1\na.ts\n'.repeat(100_000);
    const startMs = performance.now();
    expect(media(lines).segments).toHaveLength(100_000);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(() => media(`${lines}#EXTINF:1\na.ts`)).toThrow('more than 100000 segments');
  });

  it('that is none is refused', () => {
    expect(() => parsePlaylist('<html>', URL_OF_LIST)).toThrow('line 1');
    expect(() => parsePlaylist('', URL_OF_LIST)).toThrow('line 1');
  });

  it('of long lines without any sense is read in no time', () => {
    const startMs = performance.now();
    expect(() => media(`#EXT-X-KEY:${'A='.repeat(2_000_000)}`)).toThrow('line 2');
    expect(() => media(`#EXT-X-KEY:METHOD=${'"'.repeat(1_000_001)}`)).toThrow('line 2');
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

describe('a master playlist', () => {
  it('lists variants with their band width, and where their sound is', () => {
    const list = parse(
      [
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="one",URI="other.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="two",DEFAULT=YES,URI="sound.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="b",NAME="inside",DEFAULT=YES',
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=500,AUDIO="a",CODECS="avc1.64001f,mp4a.40.2"\nlow/list.m3u8',
        '#EXT-X-STREAM-INF:AUDIO="b", BANDWIDTH=900\nhttp://other/high.m3u8',
      ].join('\n'),
    ) as MasterPlaylist;
    expect(list.variants).toEqual([
      {
        url: 'http://host/vod/low/list.m3u8',
        bandwidth: 500,
        audioUrl: 'http://host/vod/sound.m3u8',
        renditions: ['http://host/vod/other.m3u8', 'http://host/vod/sound.m3u8'],
      },
      { url: 'http://other/high.m3u8', bandwidth: 900, audioUrl: undefined, renditions: [undefined] },
    ]);
  });
});

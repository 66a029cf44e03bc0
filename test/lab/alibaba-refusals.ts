import { FILES, type Values } from './alibaba-wishes.ts';

// Parameters that will not do, each by itself.

/** What is changed of a wish that would do, and what the refusal tells: all are InvalidParameter. */
export type Row = readonly [what: string, change: Values, told: string];
export const bad = (name: string, values: readonly (string | number)[], rule = ''): Row[] =>
  values.map(value => {
    const shown = String(value).length > 60 ? `of ${String(value).length} characters` : JSON.stringify(value);
    return [`${name} ${shown}`, { [name]: value }, `The specified ${name} is invalid${rule === '' ? '' : `: ${rule}`}`];
  });

export const NO_INTEGERS = [
  'x',
  '1.5',
  '1e1',
  '0x1',
  ' 1',
  '1 ',
  '+1',
  '--1',
  '１',
  'true',
  '[1]',
  '9'.repeat(100),
  '1,000',
];
const NO_TIMES = [
  ...['2090-02-30T00:00:00Z', '2090-02-29T00:00:00Z', '2100-02-29T00:00:00Z', '2090-13-01T00:00:00Z'],
  ...['2090-00-01T00:00:00Z', '2090-01-00T00:00:00Z', '2090-01-01T24:00:00Z', '2090-01-01T00:60:00Z'],
  ...['2090-12-31T23:59:60Z', '2090-01-01T00:00:00z', '2090-01-01 00:00:00Z', '2090-01-01T00:00:00'],
  ...['2090-01-01T00:00:00.000Z', '2090-01-01T00:00:00+08:00', '2090-01-01', '3786912000', 'tomorrow'],
  ...['90-01-01T00:00:00Z', '10000-01-01T00:00:00Z', '+02090-01-01T00:00:00Z', ' 2090-01-01T00:00:00Z'],
  ...['2090-01-01T00:00:00Z\n', '２０９０-01-01T00:00:00Z', `2090-01-01T00:00:00Z${'0'.repeat(180)}`],
];
const UNREAL = ['1999-12-31T23:59:59Z', '0000-01-01T00:00:00Z', '2101-01-01T00:00:00Z', '9999-12-31T23:59:59Z'];
const BAD_URLS = [
  ...['x', '//dst.example/live/b', 'rtmp:/dst.example/live/b', 'rtmp://', 'rtmp:///live/b', 'rtmp://dst.example'],
  ...['rtmp://dst.example/live', 'rtmp://dst.example/live/', 'rtmp://dst.example:0/live/b', 'rtmp://a:99999/live/b'],
  ...['rtmp://user@dst.example/live/b', 'rtmp://a b/live/b', 'rtmp://dst.example/live/\\b', 'rtmp://127.1/a/b/ c'],
  ...['rtmp://dst.example/live/b\r\n', 'rtmp://dst.example/live/b\u0000', 'rtmp://[::1/live/b', 'rtmp://a..b/live/b'],
];
const NO_RTMP = [
  'file:///etc/passwd',
  'javascript:alert(1)',
  'asset://film-1',
  'media://a.mp4',
  'data:,x',
  'ftp://a/b/c',
];

export const TO_BOTH: readonly Row[] = [
  ...bad('Region', ['nowhere-1', 'CN-SHANGHAI', ' cn-shanghai', 'cn-shanghai\u0000', '*', 'r'.repeat(640)]),
  ...bad('StartTime', [...NO_TIMES, ...UNREAL]),
  ...bad('EndTime', [...NO_TIMES, ...UNREAL]),
  ...bad('RepeatNumber', [...NO_INTEGERS, -2, 2_147_483_648]),
  ...bad('Offset', [...NO_INTEGERS, -1, 2_100_000_001]),
  ...bad('FileIndex', [...NO_INTEGERS, -1, 2_147_483_648]),
  ...bad('FileIndex', [2, 2_147_483_647], 'it must be less than the number of SourceUrls'),
  ...bad('CallbackUrl', [
    '.x',
    'rtmp://cb.example/a/b',
    'ftp://cb.example/',
    'http://',
    'http://a b/',
    '//cb.example/',
  ]),
  ...bad('CallbackUrl', ['http://cb.example/\r\nX: y', `http://cb.example/${'x'.repeat(20_000)}`]),
  ...bad('CallbackUrl', [`http://cb.example/${'x'.repeat(1_983)}`], 'it takes at most 2000 characters'),
  ...bad('AuthKey', [
    'short',
    'a'.repeat(15),
    'a'.repeat(65),
    'a'.repeat(640),
    'abcdefgh-12345678',
    'abcdefghäbcdefgh',
  ]),
  ...bad('ReqAuth', ['Yes', 'true', '1', ' yes', 'y'.repeat(80), 'maybe']),
  ['ReqAuth yes without AuthKey', { ReqAuth: 'yes' }, 'The specified AuthKey is invalid: it is required'],
  ...bad('NotifyItemSwitch', ['x'.repeat(65), 'x'.repeat(640), 'yes\u0000', 'yes\u001b[2J']),
];

/** The text of a list, whatever stands in it. */
const list = (...items: readonly unknown[]): Values => ({ SourceUrls: JSON.stringify(items) });
const MP4 = 'http://m.example/a.mp4';
const numbered = (...items: readonly (readonly [string, string])[]): Values => ({
  SourceUrls: null,
  ...Object.fromEntries(items.map(([at, url]) => [`SourceUrls.${at}`, url])),
});

const NO_TEXTS = 'it must be a JSON array of texts';
const LISTS: readonly (readonly [what: string, change: Values, rule: string])[] = [
  ['no items', list(), 'it must hold at least one address'],
  ['31 items', list(...Array(31).fill(MP4)), 'it takes at most 30 addresses'],
  ['300 items', list(...Array(300).fill('http://a/')), 'it takes at most 30 addresses'],
  ['a number', list(MP4, 1), NO_TEXTS],
  ['null', list(null), NO_TEXTS],
  ['true', list(true), NO_TEXTS],
  ['a list', list([MP4]), NO_TEXTS],
  ['an object', list({ url: MP4 }), NO_TEXTS],
  ['an empty text', list(''), ''],
  ['a text of blanks', list('  '), ''],
  ['lists 4,000 deep', { SourceUrls: `${'['.repeat(4_000)}${']'.repeat(4_000)}` }, NO_TEXTS],
  ['a list that is cut off', { SourceUrls: `["${MP4}"` }, NO_TEXTS],
  ['a list with a comma too many', { SourceUrls: `["${MP4}",]` }, NO_TEXTS],
  ['a list in other quotes', { SourceUrls: `['${MP4}']` }, NO_TEXTS],
  ['two lists', { SourceUrls: `["${MP4}"]["${MP4}"]` }, NO_TEXTS],
  ['a list behind a byte order mark', { SourceUrls: `\uFEFF["${MP4}"]` }, NO_TEXTS],
  ['a list with a line end in a text', { SourceUrls: `["${MP4}\n"]` }, NO_TEXTS],
  ['a text with half a surrogate', { SourceUrls: `["${MP4}\\ud800"]` }, ''],
  ['a text with NUL', { SourceUrls: `["${MP4}\\u0000"]` }, ''],
  ['the word null', { SourceUrls: 'null' }, ''],
  ['an object for a list', { SourceUrls: `{"0":"${MP4}"}` }, ''],
  ['a text in quotes', { SourceUrls: `"${MP4}"` }, ''],
  ['a bare text of blanks', { SourceUrls: ' ' }, ''],
  ['two bare addresses', { SourceUrls: `${MP4},${MP4} ${MP4}` }, ''],
  ['a list and numbers', { ...FILES, ...list(MP4), 'SourceUrls.1': MP4 }, 'it is given in two forms'],
  ['a bare text and numbers', { SourceUrls: MP4, 'SourceUrls.1': MP4 }, 'it is given in two forms'],
  ['numbers with a gap', numbered(['1', MP4], ['3', MP4]), 'its numbers must run from 1 without gaps'],
  ['numbers from 2', numbered(['2', MP4]), 'its numbers must run from 1 without gaps'],
  ['one number far away', numbered(['9999', MP4]), 'its numbers must run from 1 without gaps'],
  ['31 numbers', numbered(...Array.from({ length: 31 }, (_, i) => [`${i + 1}`, MP4] as const)), 'it takes at most 30'],
  ['an empty number', numbered(['1', MP4], ['2', '']), ''],
];
const NUMBERS = ['0', '-1', '01', '1.1', 'x', '', '1e1', '4294967297', '9'.repeat(400), '__proto__', '１'];
export const SOURCES: readonly Row[] = [
  ...LISTS.map(
    ([what, change, rule]): Row => [`SourceUrls: ${what}`, change, `The specified SourceUrls is invalid: ${rule}`],
  ),
  ...NUMBERS.map(
    (at): Row => [`SourceUrls.${at.slice(0, 20)}`, numbered([at, MP4]), `The specified SourceUrls.${at} is`],
  ),
  [
    'SourceUrls.1 twice',
    { SourceUrls: null, 'SourceUrls.1': [MP4, MP4] },
    'The specified SourceUrls.1 is invalid: it is',
  ],
  ...bad('SourceUrls', [`http://m.example/${'x'.repeat(2_032)}`], 'it takes at most 2048 characters'),
  ...bad('SourceUrls', ['file:///etc/passwd', 'javascript:alert(1)', 'http:///a.mp4', 'http://a b/a.mp4', '/a.mp4']),
];

export const TO_CREATE: readonly Row[] = [
  ...bad('SourceType', ['Live', 'URL', 'file', ' url', 'vod\u0000', '1', 't'.repeat(40)]),
  ...bad('DstUrl', [...BAD_URLS, ...NO_RTMP, 'http://dst.example/live/b', 'srt://dst.example:1/b']),
  ...bad('DstUrl', [`rtmp://dst.example/live/${'x'.repeat(1_977)}`], 'it takes at most 2000 characters'),
  ...bad('DstUrl', [`rtmp://dst.example/live/${'x'.repeat(20_000)}`]),
  ...bad('TaskName', ['n'.repeat(257), 'n'.repeat(2_560), 'a\u0000b', 'a\nb', 'a\u001bb', 'a\u007fb', 'a\u0085b']),
  ...bad('SourceProtocol', ['x'.repeat(65), 'x'.repeat(640), 'rtmp\u0000']),
  ...bad('RetryCount', [...NO_INTEGERS, -1, 2_147_483_648]),
  ...bad('RetryInterval', [...NO_INTEGERS, 0, -60, 59, 301, 3_000]),
];
export const LIVE_ROWS: readonly Row[] = [
  ['no SourceProtocol', { SourceProtocol: null }, 'The specified SourceProtocol is invalid: it is required'],
  ['an empty SourceProtocol', { SourceProtocol: '' }, 'The specified SourceProtocol is invalid: it is required'],
  ...bad('SourceProtocol', ['http', 'rtmps2', ' rtmp', 'constructor', '__proto__', 'x'.repeat(65)]),
  ...bad('SourceUrls', BAD_URLS),
  ...bad('SourceUrls', NO_RTMP),
  ['two addresses', list('rtmp://a/b/c', 'rtmp://a/b/d'), 'it takes one address where the source is live'],
  ['two numbers', numbered(['1', 'rtmp://a/b/c'], ['2', 'rtmp://a/b/d']), 'it takes one address where the source is'],
  ['no address', list(), 'The specified SourceUrls is invalid: it must hold at least one address'],
  ['an address of another protocol', list('rtsp://a/b'), 'The specified SourceUrls is invalid'],
  ['a RepeatNumber that is none', { RepeatNumber: 'x' }, 'The specified RepeatNumber is invalid'],
  ['an Offset that is none', { Offset: '-1' }, 'The specified Offset is invalid'],
  ['a FileIndex that is none', { FileIndex: '1.5' }, 'The specified FileIndex is invalid'],
];
export const ASSET_ROWS: readonly Row[] = [
  ['half a surrogate', { SourceUrls: '["a\\ud800"]' }, 'it must be a JSON array of texts'],
  ['no ids', list(), 'it must hold at least one address'],
  ['31 ids', list(...Array(31).fill('a')), 'it takes at most 30 addresses'],
  ...['', 'a b', 'a\tb', 'a\u0000', '\u200b', 'x'.repeat(129), 'x'.repeat(1_280)].map(
    (id): Row => [`the id ${JSON.stringify(id.slice(0, 20))}`, list(id), 'it must hold ids of media assets'],
  ),
];

/** [what, times]; all are refused because they do not go together, or come too late. */
export const TIMES: readonly (readonly [string, Values])[] = [
  ['the end before the start', { StartTime: '2090-03-01T00:00:00Z', EndTime: '2090-02-28T23:59:59Z' }],
  ['the end at the start', { StartTime: '2090-03-01T00:00:00Z', EndTime: '2090-03-01T00:00:00Z' }],
  ['both in the past', { StartTime: '2020-01-01T00:00:00Z', EndTime: '2020-01-02T00:00:00Z' }],
  ['the end in the past and before the start', { EndTime: '2020-02-29T00:00:00Z' }],
  ['a start behind the end', { StartTime: '2090-01-02T00:00:01Z' }],
  ['a start at the end', { StartTime: '2090-01-02T00:00:00Z' }],
  ['a start on the last day there is', { StartTime: '2100-12-31T23:59:59Z' }],
];

import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { backwards, duplicates, missing } from '../lab/continuity.ts';
import { CountedHls, type Script } from '../lab/counted-hls.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { framesMore } from './on-air.ts';

const TARGET_MS = 1_000;
const FPS = 25;
/** Sound of a second, and the frame that lies over its end. */
const SOUNDS = 48;

type Answer = Script['answer'];

interface Row {
  readonly what: string;
  /** What is done from now on; `n` is a segment that is not there yet. */
  readonly script: (n: number, hls: CountedHls) => Partial<Script>;
  /** Of what is told: what ends it. Of the others: what stands in the list from the beginning. */
  readonly always?: Partial<Script>;
  readonly cure?: Partial<Script>;
  /** A segment may be asked for so often. */
  readonly asks?: number;
}

const to =
  (n: number, act: (request: IncomingMessage, response: ServerResponse) => void): Answer =>
  (asked, request, response) => {
    if (asked === n) act(request, response);
    return asked === n;
  };
const status =
  (code: number) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(code).end();
  };
const page = (_: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'.repeat(500));
};
/** The first so many times. */
function atFirst(times: number, act: Answer): Answer {
  let left = times;
  return (n, request, response) => left > 0 && act(n, request, response) && left-- > 0;
}
const halfOf =
  (hls: CountedHls, n: number, then: (response: ServerResponse) => void) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    const bytes = hls.segment(n);
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2), () => then(response));
  };
const secret = (n: number): Buffer => Buffer.alloc(16, n + 1);
const encrypted: Partial<Script> = {
  key: secret,
  before: n => `#EXT-X-KEY:METHOD=AES-128,URI="key${n}"`,
};
const never = (): boolean => false;

/** Nothing is lost of these. */
const WHOLE: readonly Row[] = [
  { what: 'a list that is written a target duration late', script: (_, hls) => rest(hls, 1.2) },
  { what: 'a list that a cache shows as it was', script: () => ({ list: inTurns() }) },
  { what: 'a list that is short', script: () => ({ count: 1 }) },
  { what: 'a list that is not there for a while', script: () => ({ answer: atFirst(2, to(-1, status(404))) }) },
  { what: 'a list that is a page for once', script: () => ({ answer: atFirst(1, to(-1, page)) }) },
  { what: 'a segment that comes at the third ask', script: n => ({ answer: atFirst(2, to(n, status(404))) }) },
  { what: 'a segment whose server is busy once', script: n => ({ answer: atFirst(1, to(n, status(503))) }) },
  {
    what: 'a segment that breaks off',
    script: (n, hls) => ({
      answer: atFirst(
        1,
        to(
          n,
          halfOf(hls, n, response => response.destroy()),
        ),
      ),
    }),
  },
  {
    what: 'a segment that is elsewhere',
    script: n => ({
      answer: atFirst(
        1,
        to(n, (_, response) => response.writeHead(302, { location: `moved/${n}.ts` }).end()),
      ),
    }),
  },
  { what: 'clocks that begin anew, told', script: n => anew(n, '#EXT-X-DISCONTINUITY', -3_000) },
  { what: 'clocks that run ahead, told', script: n => anew(n, '#EXT-X-DISCONTINUITY', 7_200_000) },
  { what: 'clocks that begin anew, not told', script: n => anew(n, '', -3_000) },
  { what: 'a key for each segment', always: encrypted, script: () => ({}) },
  { what: 'numbers that go back', always: { shift: 500 }, script: () => ({ shift: 0 }) },
  { what: 'parts of low latency', always: { list: withParts }, script: () => ({}) },
  { what: 'one file under its next number', script: () => ({ shift: 1_000 }) },
];

/** A segment is lost of these. */
const ONE: readonly Row[] = [
  { what: 'a segment that is not there', script: n => ({ answer: to(n, status(404)) }) },
  { what: 'a segment that is a page', script: n => ({ answer: to(n, page) }) },
  { what: 'an empty segment', script: n => ({ answer: to(n, (_, response) => response.end()) }) },
  { what: 'a segment that never begins', script: n => ({ answer: to(n, () => undefined) }), asks: 1 },
  { what: 'a gap that is told', script: n => ({ before: at => (at === n ? '#EXT-X-GAP' : '') }), asks: 0 },
  { what: 'a segment that is not listed', script: n => ({ list: text => without(text, n) }), asks: 0 },
  { what: 'a key that is not there', always: encrypted, script: n => ({ answer: toKey(n, status(404)) }) },
  {
    what: 'a key that is another one',
    always: encrypted,
    script: n => ({ answer: toKey(n, (_, response) => response.end(secret(99))) }),
  },
];

/** These are told, and the source is left. */
const TOLD: readonly Row[] = [
  { what: 'a list that is not written any more', script: (_, hls) => ({ upTo: hls.newest }), cure: { upTo: Infinity } },
  { what: 'a list that has gone', script: () => ({ answer: to(-1, status(404)) }), cure: { answer: never } },
  { what: 'a list that hangs', script: () => ({ answer: to(-1, () => undefined) }), cure: { answer: never } },
  { what: 'a list that has ended', script: (_, hls) => ended(hls), cure: { upTo: Infinity, list: text => text } },
  { what: 'a list of another kind', script: () => ({ list: nested }), cure: { list: text => text } },
  {
    what: 'segments that have gone',
    script: () => ({ answer: (n, request, response) => n >= 0 && to(n, status(404))(n, request, response) }),
    // A source that is opened anew asks again.
    asks: 6,
    cure: { answer: never },
  },
];

/** Every second answer is an old one. */
const inTurns = (): ((text: string) => string) => {
  const versions: string[] = [];
  return text => {
    if (versions.at(-1) !== text) versions.push(text);
    return (versions.length % 2 === 0 ? versions.at(-3) : undefined) ?? text;
  };
};
const rest = (hls: CountedHls, targets: number): Partial<Script> => {
  const upTo = hls.newest;
  setTimeout(() => hls.behave({ upTo: Number.POSITIVE_INFINITY }), targets * TARGET_MS);
  return { upTo };
};
/** As a low-latency writer lists what is not whole yet. */
function withParts(text: string): string {
  const parts =
    '#EXT-X-PART:DURATION=0.3,URI="next.ts",BYTERANGE=100@0,INDEPENDENT=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="next.ts"';
  const head = '#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1\n#EXT-X-PART-INF:PART-TARGET=0.3';
  return `${text.replace('#EXTM3U', head)}\n${parts}`;
}
const anew = (n: number, line: string, shiftMs: number): Partial<Script> => ({
  before: at => (at === n ? line : ''),
  clock: at => (at >= n ? shiftMs : 0),
});
const without = (text: string, n: number): string => {
  const lines = text.split('\n');
  const at = lines.indexOf(`${n}.ts`);
  // Its number is another's then: as an encoder that has lost it would write.
  return at < 0 ? text : lines.filter((_, i) => i !== at && i !== at - 1).join('\n');
};
const toKey =
  (n: number, act: (request: IncomingMessage, response: ServerResponse) => void): Answer =>
  (_, request, response) => {
    const isIt = request.url?.includes(`/key${n}`) === true;
    if (isIt) act(request, response);
    return isIt;
  };
const ended = (hls: CountedHls): Partial<Script> => ({
  upTo: hls.newest,
  list: text => `${text}\n#EXT-X-ENDLIST`,
});
const nested = (): string => '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8';

interface Result {
  readonly missingVideo: number;
  readonly missingAudio: number;
  readonly toldMs: number;
}

/** Carries the row out at one relay, and answers what came of it. */
async function carryOut(place: Place, row: Row, kind: 'whole' | 'one' | 'told'): Promise<Result> {
  const hls = await CountedHls.start(place, { segmentMs: TARGET_MS, script: row.always ?? {} });
  const oracle = await Oracle.start(place);
  const relay = OneRelay.start(place, { from: hls.url, to: oracle.url('out') });
  const seen = oracle.stream('out');
  await framesMore(seen, 30);
  const n = hls.newest + 2;
  const beganMs = performance.now();
  hls.behave(row.script(n, hls));
  let toldMs = Number.NaN;
  if (kind === 'told') {
    const loss = await until(`${row.what} is told`, () => relay.lossAfter(beganMs));
    toldMs = loss.atMs - beganMs;
    hls.behave(row.cure ?? {});
    await framesMore(seen, 50);
  } else {
    await until(`${row.what} is over`, () => Math.max(...seen.video.numbers.slice(-5)) > (n + 3) * FPS);
    expect(relay.lossAfter(0), row.what).toBeUndefined();
    expect(relay.report.pullEpoch, row.what).toBe(1);
  }
  expect(seen.pushes.length, row.what).toBe(1);
  expect([backwards(seen.video), backwards(seen.audio)], row.what).toEqual([0, 0]);
  expect([duplicates(seen.video), duplicates(seen.audio)], row.what).toEqual([0, 0]);
  expect(hls.asks(`${n}.ts`), row.what).toBeLessThanOrEqual(row.asks ?? 3);
  expect(relay.bugs, row.what).toEqual([]);
  await relay.stop();
  return { missingVideo: missing(seen.video).length, missingAudio: missing(seen.audio).length, toldMs };
}

async function carryOutAll(rows: readonly Row[], kind: 'whole' | 'one' | 'told'): Promise<readonly Result[]> {
  await using place = new Place();
  const results = rows.map(async (row, i) => {
    // Not all at once: the machine of a test is small.
    await pass(i * 150);
    return carryOut(place, row, kind);
  });
  const all = await Promise.allSettled(results);
  const errors = all.flatMap((it, i) =>
    it.status === 'rejected' ? [new Error(rows[i]?.what, { cause: it.reason })] : [],
  );
  if (errors.length > 0) throw new AggregateError(errors, errors.map(it => `${it.message}: ${it.cause}`).join('\n'));
  return all.flatMap(it => (it.status === 'fulfilled' ? [it.value] : []));
}

describe.concurrent('a live HLS list goes wrong', () => {
  it('S14: what can be had is had, whole', async () => {
    const results = await carryOutAll(WHOLE, 'whole');
    const lost = Math.max(...results.map(it => it.missingVideo + it.missingAudio));
    figure('S14', `frames lost by ${WHOLE.length} live lists and segments that are late or moved`, lost, {
      unit: 'frames',
      exactly: 0,
    });
  }, 60_000);

  it('S14: of what cannot be had, one segment is missed', async () => {
    const results = await carryOutAll(ONE, 'one');
    const videos = results.map(it => it.missingVideo);
    const audio = Math.max(...results.map(it => it.missingAudio));
    figure('S14', `pictures missed where a live segment cannot be had, of ${FPS} in it`, Math.max(...videos), {
      unit: 'frames',
      atMost: FPS,
    });
    // A row of which nothing is missed has not gone wrong at all.
    figure('S14', 'pictures missed at least, so that each of these faults was one', Math.min(...videos), {
      unit: 'frames',
      atLeast: 1,
    });
    figure('S14', 'sounds missed there', audio, { unit: 'frames', atMost: SOUNDS });
  }, 60_000);

  it('S14: a list that will not go on is told within three target durations', async () => {
    const results = await carryOutAll(TOLD, 'told');
    const told = Math.max(...results.map(it => it.toldMs));
    figure('S14', 'end of a live list told', told / TARGET_MS, { unit: 'target durations', atMost: 3, busyAtMost: 5 });
  }, 60_000);
});

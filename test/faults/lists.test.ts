import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from '../lab/child.ts';
import { fallen, longestGapMs, longestStepMs } from '../lab/continuity.ts';
import { answerWith, countedFile, Web } from '../lab/counted-files.ts';
import { dice } from '../lab/films.ts';
import { OnePlayout } from '../lab/one-playout.ts';
import { Oracle, type SeenStream } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';

const FRAME_MS = 40;
const good = (tag: string, seconds = 3): Buffer => countedFile(seconds, { tag });
const tagsOf = ({ tags }: SeenStream): string => tags.map(({ tag }) => tag).join('');

async function arrange(place: Place) {
  const [web, oracle] = [await Web.start(place), await Oracle.start(place)];
  return { web, to: oracle.url('out'), seen: oracle.stream('out') };
}

/** What became of the files that could not be played. */
const failuresOf = ({ news }: OnePlayout) => news.filter(({ type }) => type === 'itemFailed');

describe.concurrent('a list has files that cannot be played', () => {
  it('S14: a segment that is missing costs its file, and the next one follows at once', async () => {
    await using place = new Place();
    const { web, to, seen } = await arrange(place);
    const dir = place.path('hls');
    mkdirSync(dir);
    writeFileSync(place.path('a.flv'), good('a', 8));
    const hls = ['-c', 'copy', '-f', 'hls', '-hls_time', '2', '-hls_list_size', '0', `${dir}/list.m3u8`];
    await run('ffmpeg', ['-v', 'error', '-i', place.path('a.flv'), ...hls]);
    const segments = readdirSync(dir)
      .filter(name => name.endsWith('.ts'))
      .sort();
    for (const name of segments.filter((_, i) => i !== 2)) web.put(`/${name}`, readFileSync(`${dir}/${name}`));
    const list = web.put('/list.m3u8', readFileSync(`${dir}/list.m3u8`));
    const playout = OnePlayout.start(place, to, { urls: [list, web.put('/b.flv', good('b'))], rounds: 1 });
    await until('the other file is here', () => seen.tags.at(-1)?.tag === 'b');
    await pass(1_000);
    expect(failuresOf(playout).map(({ reason }) => reason)).toEqual([expect.stringContaining('404')]);
    expect(seen.pushes).toHaveLength(1);
    const asks = web.asked.filter(({ path }) => path === `/${segments[2]}`).length;
    figure('S14', 'longest gap at a missing segment', longestGapMs(seen.video), {
      unit: 'ms',
      atMost: 500,
      busyAtMost: 2_000,
    });
    figure('S14', 'asks for a missing segment', asks, { unit: 'asks', atMost: 3 });
  });

  it('S15: redirects are followed five times, and never in circles, to other schemes or to forbidden places', async () => {
    await using place = new Place();
    const { web, to, seen } = await arrange(place);
    const redirect = (path: string, location: string): string => web.put(path, answerWith(302, { location }));
    web.put('/5', good('a'));
    for (let hop = 0; hop < 5; hop++) redirect(`/${hop}`, `/${hop + 1}`);
    const bad = [
      redirect('/circle', '/back'),
      redirect('/file', 'file:///etc/passwd'),
      redirect('/gopher', 'gopher://127.0.0.1/x'),
      redirect('/metadata', 'http://169.254.169.254/latest'),
    ];
    redirect('/back', '/circle');
    const startedMs = performance.now();
    const playout = OnePlayout.start(place, to, { urls: [...bad, `${web.base}/0`] });
    await until('the file behind five redirects is here', () => seen.video.length > 0);
    const failures = failuresOf(playout);
    expect(failures.slice(0, 4).map(({ item }) => item?.url)).toEqual(bad);
    expect(web.asked.filter(({ path }) => path === '/circle').length).toBeLessThanOrEqual(4);
    const tookMs = (seen.video.atMs[0] ?? 0) - startedMs;
    figure('S15', 'first frame behind four bad redirects', tookMs, { unit: 'ms', atMost: 5_000 });
  });

  it('S16: files that are not there, not allowed, empty, cut short or something else are passed over unseen', async () => {
    await using place = new Place();
    const { web, to, seen } = await arrange(place);
    const whole = good('x', 4);
    const bad = [
      `${web.base}/missing.flv`,
      ...[403, 410, 500, 503].map(status => web.put(`/${status}.flv`, answerWith(status))),
      web.put('/empty.flv', Buffer.alloc(0)),
      web.put('/page.flv', answerWith(200, { 'content-type': 'text/html' }, '<html>log in first</html>')),
      web.put('/noise.flv', Buffer.alloc(100_000, 0x47)),
      web.put('/zeros.mp4', Buffer.alloc(100_000)),
      web.put('/lie.flv', answerWith(200, { 'content-length': 100 }, whole.subarray(0, 100))),
      web.put('/hangs.flv', () => {}),
      web.put('/hangs-up.flv', request => request.socket.destroy()),
    ];
    const goods = ['a', 'b', 'c', 'd'].map(tag => web.put(`/${tag}.flv`, good(tag, 6)));
    const urls = bad.flatMap((url, i) => (i % 3 === 0 ? [goods[i / 3] ?? '', url] : [url]));
    const playout = OnePlayout.start(place, to, { urls, rounds: 1 });
    await until('the list is over', () => playout.news.some(({ type }) => type === 'finished'), { timeoutMs: 40_000 });
    expect(failuresOf(playout).map(({ item }) => item?.url)).toEqual(bad);
    expect([tagsOf(seen), seen.pushes.length]).toEqual(['abcd', 1]);
    figure('S16', 'longest gap over 12 bad files', longestGapMs(seen.video), {
      unit: 'ms',
      atMost: 500,
      busyAtMost: 2_000,
    });
    figure('S16', 'longest step over 12 bad files', longestStepMs(seen.video), { unit: 'ms', atMost: 2 * FRAME_MS });
  });

  it('S16: a file that is cut short is played as far as it goes, and told', async () => {
    await using place = new Place();
    const { web, to, seen } = await arrange(place);
    const whole = countedFile(4, { tag: 'a', videoKbit: 16_000 });
    const cut = web.put('/cut.flv', (request, response) => {
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.subarray(0, whole.length / 2), () => request.socket.end());
    });
    const playout = OnePlayout.start(place, to, { urls: [cut, web.put('/b.flv', good('b'))], rounds: 1 });
    await until('the list is over', () => playout.news.some(({ type }) => type === 'finished'));
    expect([failuresOf(playout).length, tagsOf(seen), seen.pushes.length]).toEqual([1, 'ab', 1]);
    figure('S16', 'longest gap behind a file cut short', longestGapMs(seen.video), {
      unit: 'ms',
      atMost: 500,
      busyAtMost: 2_000,
    });
  });

  it('S16: a list whose first files hang is on air as soon as they had their time', async () => {
    await using place = new Place();
    const { web, to, seen } = await arrange(place);
    const startedMs = performance.now();
    OnePlayout.start(place, to, { urls: [web.put('/hangs.flv', () => {}), web.put('/a.flv', good('a'))] });
    await until('it is on air', () => seen.video.length > 0);
    figure('S16', 'on air behind a file that hangs', (seen.video.atMs[0] ?? 0) - startedMs, {
      unit: 'ms',
      atMost: 6_000,
    });
  });

  it('S17: a list without any file that can be played is tried ever more slowly, and told', async () => {
    await using place = new Place();
    const { web, to } = await arrange(place);
    const urls = Array.from({ length: 10 }, (_, i) => `${web.base}/${i}.flv`);
    const playout = OnePlayout.start(place, to, { urls });
    await pass(10_000);
    expect(failuresOf(playout).length).toBeGreaterThanOrEqual(10);
    expect(playout.news.some(({ type, side }) => type === 'broke' && side === 'pull')).toBe(true);
    figure('S17', 'asks in 10 s for ten files that are not there', web.asked.length, { unit: 'asks', atMost: 60 });
  });

  it('S17: files of some milliseconds do not make it spin', async () => {
    await using place = new Place();
    const { web, to } = await arrange(place);
    const tiny = [0, 1, 2].map(i => web.put(`/${i}.flv`, countedFile(0.02, { tag: `t${i}` })));
    const playout = OnePlayout.start(place, to, { urls: tiny });
    await pass(8_000);
    expect(playout.bugs).toEqual([]);
    figure('S17', 'asks in 8 s for files of 20 ms', web.asked.length, { unit: 'asks', atMost: 40 });
  });

  it('S18: edits at any time go on in the same push, without a frame of the former list behind the first of the new', async () => {
    await using place = new Place();
    const chance = dice(5);
    const refreshes = ['newSource', 'fileStart', 'breakpoint'] as const;
    const results = await Promise.all(
      refreshes.map(async refresh => {
        const { web, to, seen } = await arrange(place);
        const file = (tag: string): string => web.put(`/${tag}.flv`, good(tag, 6));
        const playout = OnePlayout.start(place, to, { urls: [file('a'), file('z')] });
        await until('it is on air', () => seen.video.length > 20);
        const delays: number[] = [];
        for (const tag of ['b', 'c', 'd', 'e', 'f', 'g']) {
          await pass(200 + chance(1_500));
          const editedMs = performance.now();
          playout.change({ urls: [file(tag), file('z')], refresh });
          const there = await until('the new list is on air', () => seen.tags.find(it => it.tag === tag));
          delays.push(there.atMs - editedMs);
        }
        expect([tagsOf(seen), seen.pushes.length]).toEqual(['abcdefg', 1]);
        return {
          delayMs: Math.max(...delays),
          gapMs: longestGapMs(seen.video),
          fallen: fallen(seen),
        };
      }),
    );
    figure('S18', 'edit on air', Math.max(...results.map(it => it.delayMs)), {
      unit: 'ms',
      atMost: 1_500,
      busyAtMost: 3_000,
    });
    figure('S18', 'longest gap over edits', Math.max(...results.map(it => it.gapMs)), {
      unit: 'ms',
      atMost: 1_000,
      busyAtMost: 2_500,
    });
    figure('S18', 'times that did not rise', Math.max(...results.map(it => it.fallen)), { unit: 'frames', exactly: 0 });
  });
});

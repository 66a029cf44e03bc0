import { describe, expect, it } from 'vitest';
import { figure } from './faults/figure.ts';
import { framesMore } from './faults/on-air.ts';
import { countedFile, Web } from './lab/counted-files.ts';
import { CountedSource } from './lab/counted-source.ts';
import { Millrace } from './lab/millrace.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// What is asked of a task over the native API, judged where the stream arrives.

interface Stage {
  readonly millrace: Millrace;
  readonly ask: NativeAsk;
  readonly oracle: Oracle;
  readonly seen: SeenStream;
}

async function stage(place: Place): Promise<Stage> {
  const millrace = await Millrace.start(place);
  const oracle = await Oracle.start(place);
  const key = JSON.parse(await millrace.command('key', 'create', '--api', '--json')).apiKey;
  // Its address changes with each control process.
  const ask: NativeAsk = (path, call) => nativeAsk(millrace.api, key)(path, call);
  return { millrace, ask, oracle, seen: oracle.stream('out') };
}

const camera = (place: Place, tag: string): Promise<CountedSource> => CountedSource.start(place, { shape: { tag } });

const tagsOf = ({ tags }: SeenStream): string => tags.map(({ tag }) => tag).join('');

/** Whether time has gone on and never back on the push. */
const isRising = ({ video: { dtsMs } }: SeenStream): boolean =>
  dtsMs.every((at, i) => i === 0 || at > (dtsMs[i - 1] ?? 0));

describe.concurrent('a task', () => {
  it('is on air within two seconds, and goes where it is sent without another push', async () => {
    await using place = new Place();
    const { millrace, ask, oracle, seen } = await stage(place);
    const cameras = await Promise.all(['a', 'b', 'c', 'd'].map(tag => camera(place, tag)));
    const [a, b, c, d] = cameras.map(it => it.url());
    const wish = {
      source: { kind: 'live', url: a },
      standby: [b, c],
      destination: { kind: 'url', url: oracle.url('out') },
    };
    const askedAtMs = performance.now();
    const { body: made } = await ask('tasks', { body: { ...wish, name: 'News' } });
    const first = await until('the first frame is there', () => seen.pushes[0]?.firstFrameAtMs);
    figure('N1', 'create to the first frame at the destination', first - askedAtMs, { unit: 'ms', atMost: 2_000 });
    const task = async () => (await ask(`tasks/${made.id}?reveal=true`)).body;
    const isAt = (index: number, pinned: boolean) =>
      until(
        `source ${index} is on air`,
        async () => {
          const { source } = (await task()).on_air ?? {};
          return source?.index === index && source.pinned === pinned;
        },
        { timeoutMs: 60_000 },
      );

    await isAt(0, false);
    await until('it is measured', async () => ((await task()).on_air?.out.kbit ?? 0) > 0);
    expect(await task()).toMatchObject({ status: { word: 'running', reason: '' }, on_air: { push_epoch: 1 } });

    await ask(`tasks/${made.id}/switch`, { body: { to: 1 } });
    await until('the first standby is seen', () => tagsOf(seen) === 'ab');
    await ask(`tasks/${made.id}/switch`, { body: { to: 2 } });
    await until('the second standby is seen', () => tagsOf(seen) === 'abc');
    await isAt(2, true);

    await millrace.killControl();
    await millrace.restart();
    await isAt(2, true);
    await ask(`tasks/${made.id}/switch`, { body: { to: 'auto' } });
    await isAt(0, false);

    const changed = await ask(`tasks/${made.id}`, { method: 'PATCH', body: { source: { kind: 'live', url: d } } });
    expect(changed.status).toBe(200);
    await until('the new source is seen', () => tagsOf(seen) === 'abcad');
    await framesMore(seen, 25);
    expect(seen.pushes).toHaveLength(1);
    expect(isRising(seen)).toBe(true);
    expect((await ask(`tasks/${made.id}/stop`, { method: 'POST' })).body.status.word).toBe('stopped');
    await until('the push is closed', () => seen.publishers === 0);
  });

  it('that plays a list is moved in it, and stays there when its control process dies', async () => {
    await using place = new Place();
    const { millrace, ask, oracle, seen } = await stage(place);
    const web = await Web.start(place);
    const items = ['a', 'b', 'c'].map(tag => ({ url: web.put(`/${tag}.flv`, countedFile(60, { tag })) }));
    const wish = {
      source: { kind: 'list', items, rounds: 2, on_change: 'breakpoint' },
      destination: { kind: 'url', url: oracle.url('out') },
    };
    const { body: made } = await ask('tasks', { body: wish });
    await framesMore(seen, 50);
    /** The number of the first picture that is none of the course as it was before the call. */
    const movedBy = async (path: string, body?: object): Promise<number | undefined> => {
      const { numbers } = seen.video;
      const before = numbers.length;
      const answer = await ask(`tasks/${made.id}/${path}`, { method: 'POST', ...(body === undefined ? {} : { body }) });
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      const breakAt = (): number =>
        numbers.findIndex((number, i) => i >= before && number !== (numbers[i - 1] ?? 0) + 1);
      await until('it has gone elsewhere', () => breakAt() >= 0);
      return numbers[breakAt()];
    };
    const onAir = async () => (await ask(`tasks/${made.id}`)).body.on_air?.item;

    expect(await movedBy('jump', { index: 2, offset_s: 20 })).toBe(500);
    expect(tagsOf(seen)).toBe('ac');
    await until('it is told', async () => (await onAir())?.index === 2);
    await millrace.killControl();
    await millrace.restart();
    await until('it is told again', async () => (await onAir())?.position_s >= 20);
    expect(await onAir()).toMatchObject({ index: 2, round: 0, rounds: 2 });

    expect(await movedBy('skip')).toBe(0);
    await until('the next round is told', async () => (await onAir())?.round === 1);
    expect(await onAir()).toMatchObject({ index: 0, round: 1 });
    expect(await movedBy('jump', { index: 1, offset_s: 58 })).toBe(58 * 25);
    expect(tagsOf(seen)).toBe('acab');
    await until('the next file follows by itself', async () => (await onAir())?.index === 2, { timeoutMs: 20_000 });
    expect(seen.pushes).toHaveLength(1);
    expect(isRising(seen)).toBe(true);
    const { body } = await ask(`tasks/${made.id}/events`);
    const moves = body.events.filter(({ type }: { type: string }) => type === 'moved');
    expect(moves.map(({ detail }: { detail: object }) => detail)).toEqual([
      { index: 2, round: 0 },
      { index: 0, round: 1 },
      { index: 1, round: 1 },
    ]);
  });
});

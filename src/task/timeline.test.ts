import { describe, expect, it } from 'vitest';
import type { ListItem, Playlist } from './playlist.ts';
import { type FileLength, type Timeline, timelineOf } from './timeline.ts';

const GROUP_MS = 2_000;
const file = (durationMs: number | undefined): FileLength => ({
  durationMs,
  startAt: offsetMs => Math.floor(offsetMs / GROUP_MS) * GROUP_MS,
});
const list = (items: readonly Omit<ListItem, 'url'>[], change: Partial<Playlist> = {}): Playlist => ({
  items: items.map((item, at) => ({ url: `${at}`, ...item })),
  rounds: 1,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
  ...change,
});
const ALL = { startAt: 1_000, endAt: Number.POSITIVE_INFINITY, most: 100 };
const brief = ({ airings }: Timeline) =>
  airings.map(({ round, index, startsAt, endsAt }) => [round, index, startsAt, endsAt]);

describe('the timeline of a list', () => {
  it('lays files and rounds end to end', () => {
    const found = timelineOf(list([{}, {}], { rounds: 2 }), [file(10_000), file(4_000)], ALL);
    expect(brief(found)).toEqual([
      [0, 0, 1_000, 11_000],
      [0, 1, 11_000, 15_000],
      [1, 0, 15_000, 25_000],
      [1, 1, 25_000, 29_000],
    ]);
    expect(found).toMatchObject({ isWhole: true, endsAt: 29_000, isCut: false });
  });

  it('passes over what cannot be played at once, however often it is to be repeated', () => {
    const found = timelineOf(list([{ repeats: 2 ** 31 - 1 }, {}]), [file(0), file(4_000)], ALL);
    expect(brief(found)).toEqual([[0, 1, 1_000, 5_000]]);
    expect(found).toMatchObject({ isWhole: true, endsAt: 5_000 });
  });

  it('begins the first round where its owner wants it to, at the key frame in front', () => {
    const found = timelineOf(
      list([{}, {}], { rounds: 2, startIndex: 1, startSeconds: 3 }),
      [file(10_000), file(4_000)],
      ALL,
    );
    expect(found.airings[0]).toMatchObject({ index: 1, inMs: 2_000, outMs: 4_000, startsAt: 1_000, endsAt: 3_000 });
    expect(found.endsAt).toBe(17_000);
  });

  it('plays between the points, as often as asked, from the key frame in front of the in point', () => {
    const found = timelineOf(list([{ inMs: 3_000, outMs: 7_000, repeats: 2 }]), [file(10_000)], ALL);
    expect(found.airings.map(({ inMs, outMs, repeat }) => [inMs, outMs, repeat])).toEqual([
      [2_000, 7_000, 0],
      [2_000, 7_000, 1],
    ]);
    expect(found.endsAt).toBe(11_000);
  });

  it('takes an out point behind the end for the end, and one of a file without known length as it is', () => {
    expect(timelineOf(list([{ outMs: 30_000 }]), [file(10_000)], ALL).endsAt).toBe(11_000);
    expect(timelineOf(list([{ outMs: 30_000 }]), [file(undefined)], ALL).endsAt).toBe(31_000);
  });

  it('passes over what cannot be played, or has nothing behind its in point', () => {
    const files = [file(0), file(4_000), file(2_000)];
    const found = timelineOf(list([{ outMs: 500 }, {}, { inMs: 2_000 }], { rounds: 2 }), files, ALL);
    expect(brief(found)).toEqual([
      [0, 1, 1_000, 5_000],
      [1, 1, 5_000, 9_000],
    ]);
    expect(found.isWhole).toBe(true);
  });

  it('shows nothing where nothing can be played', () => {
    const found = timelineOf(list([{}], { rounds: 'endless' }), [file(0)], ALL);
    expect(found).toEqual({ airings: [], isWhole: true, endsAt: 1_000, isCut: false });
  });

  it('ends at a file of which nobody knows the length', () => {
    const found = timelineOf(list([{}, {}]), [file(4_000), file(undefined)], ALL);
    expect(brief(found)).toEqual([[0, 0, 1_000, 5_000]]);
    expect(found).toMatchObject({ isWhole: false, endsAt: null, isCut: false });
  });

  it('is cut by the end of the task', () => {
    const found = timelineOf(list([{}, {}]), [file(10_000), file(10_000)], { ...ALL, endAt: 14_000 });
    expect(found.airings.at(-1)).toMatchObject({ index: 1, outMs: 3_000, endsAt: 14_000 });
    expect(found).toMatchObject({ isWhole: true, endsAt: 14_000, isCut: true });
  });

  it('tells the end of many rounds without showing all of them', () => {
    const found = timelineOf(list([{ repeats: 3 }, {}], { rounds: 1_000 }), [file(1_000), file(2_000)], {
      ...ALL,
      most: 2,
    });
    expect(found.airings).toHaveLength(2);
    expect(found).toMatchObject({ isWhole: false, endsAt: 1_000 + 1_000 * 5_000, isCut: false });
  });

  it('tells the end of what is behind the last that is shown', () => {
    const found = timelineOf(list([{}, {}], { rounds: 2 }), [file(1_000), file(2_000)], { ...ALL, most: 1 });
    expect(found).toMatchObject({ isWhole: false, endsAt: 7_000 });
  });

  it('tells no end of an endless list, but that of its task', () => {
    const endless = list([{}], { rounds: 'endless' });
    expect(timelineOf(endless, [file(1_000)], { ...ALL, most: 5 })).toMatchObject({ endsAt: null, isCut: false });
    const cut = timelineOf(endless, [file(1_000)], { ...ALL, endAt: 100_000, most: 5 });
    expect(cut).toMatchObject({ isWhole: false, endsAt: 100_000, isCut: true });
  });

  it('tells no end where it was not shown far enough to know one', () => {
    const found = timelineOf(list([{}, {}]), [file(1_000), file(undefined)], { ...ALL, most: 1 });
    expect(found).toMatchObject({ isWhole: false, endsAt: null, isCut: false });
  });

  it('takes a file that nobody has looked at for one of unknown length', () => {
    expect(timelineOf(list([{}]), [], ALL)).toMatchObject({ airings: [], endsAt: null });
    expect(timelineOf(list([{ inMs: 1_000, outMs: 3_000 }]), [], ALL).endsAt).toBe(3_000);
  });
});

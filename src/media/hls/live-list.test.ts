import { describe, expect, it } from 'vitest';
import { dice } from '../../../test/lab/films.ts';
import { LiveList, nameOf } from './live-list.ts';
import { type MediaPlaylist, parsePlaylist } from './playlist.ts';

interface Version {
  readonly from?: number;
  readonly count?: number;
  /** Lines in front of the segment with the number. */
  readonly before?: Readonly<Record<number, string>>;
  readonly name?: (n: number) => string;
  readonly target?: string;
  readonly end?: boolean;
}

/** A version of a list of segments of 2 s. */
function version({ from = 0, count = 5, before = {}, name = n => `${n}.ts`, target = '2', end }: Version = {}) {
  const lines = ['#EXTM3U', `#EXT-X-TARGETDURATION:${target}`, `#EXT-X-MEDIA-SEQUENCE:${from}`];
  for (let n = from; n < from + count; n++) lines.push(before[n] ?? '', '#EXTINF:2,', name(n));
  if (end === true) lines.push('#EXT-X-ENDLIST');
  return parsePlaylist(lines.join('\n'), 'http://h/live/list.m3u8') as MediaPlaylist;
}

/** Names and joints of all that is due. */
function due(list: LiveList): string[] {
  const names: string[] = [];
  for (let next = list.next(); next !== undefined; next = list.next()) {
    names.push(`${next.joint ? '|' : ''}${next.segment.url.split('/').at(-1)}`);
  }
  return names;
}

const begun = (first: Version = {}, played?: string) => new LiveList(version(first), { nowMs: 0, played });

describe('a live list', () => {
  it('is begun three segments from its end', () => {
    expect(due(begun({ from: 10, count: 8 }))).toEqual(['15.ts', '16.ts', '17.ts']);
  });

  it('is begun at its first segment where it is short', () => {
    expect(due(begun({ count: 1 }))).toEqual(['0.ts']);
  });

  it('goes on with what is added', () => {
    const list = begun();
    due(list);
    expect(list.take(version({ from: 2 }), 2_000)).toBe(true);
    expect(due(list)).toEqual(['5.ts', '6.ts']);
  });

  it('changes nothing where it is read again as it was', () => {
    const list = begun();
    due(list);
    expect(list.take(version(), 2_000)).toBe(false);
    expect(due(list)).toEqual([]);
  });

  it('changes nothing where a cache answers with an older version', () => {
    const list = begun({ from: 6 });
    due(list);
    for (const from of [5, 4, 3, 2]) expect(list.take(version({ from }), 1_000)).toBe(false);
    expect(due(list)).toEqual([]);
    list.take(version({ from: 7 }), 2_000);
    expect(due(list)).toEqual(['11.ts']);
  });

  it('is stale, unchanged for two and a half target durations', () => {
    const list = begun();
    list.take(version({ from: 1 }), 2_000);
    list.take(version({ from: 1 }), 4_000);
    expect([list.isStale(6_999), list.isStale(7_000)]).toEqual([false, true]);
  });

  it('is begun anew where its numbers go back', () => {
    const list = begun({ from: 100 });
    due(list);
    expect(list.take(version({ name: n => `new${n}.ts` }), 2_000)).toBe(true);
    expect(due(list)).toEqual(['|new2.ts', 'new3.ts', 'new4.ts']);
  });

  it('is begun anew where its numbers stand for other segments', () => {
    const list = begun();
    due(list);
    list.take(version({ name: n => `new${n}.ts` }), 2_000);
    expect(due(list)).toEqual(['|new2.ts', 'new3.ts', 'new4.ts']);
  });

  it('plays nothing once more that is only numbered anew', () => {
    const list = begun({ from: 100, name: n => `${n - 100}.ts` });
    due(list);
    list.take(version({ from: 1 }), 2_000);
    expect(due(list)).toEqual(['|5.ts']);
  });

  it('is the same where its segments are signed anew', () => {
    const list = begun({ name: n => `${n}.ts?sign=a` });
    due(list);
    list.take(version({ from: 1, name: n => `${n}.ts?sign=b` }), 2_000);
    expect(due(list)).toEqual(['5.ts?sign=b']);
  });

  it('is gone on with at its end where the segment due is not listed any more', () => {
    const list = begun({ count: 3 });
    due(list);
    list.take(version({ from: 40, count: 3 }), 2_000);
    expect(due(list)).toEqual(['|40.ts', '41.ts', '42.ts']);
  });

  it('passes over one segment that is missing in the list', () => {
    const list = begun({ count: 3 });
    due(list);
    list.take(version({ from: 4, count: 3 }), 2_000);
    expect(due(list)).toEqual(['|4.ts', '5.ts', '6.ts']);
  });

  it('passes over gaps', () => {
    const list = begun({ count: 3 });
    due(list);
    list.take(version({ from: 2, before: { 4: '#EXT-X-GAP' } }), 2_000);
    expect(due(list)).toEqual(['3.ts', '|5.ts', '6.ts']);
  });

  it('says where its times do not follow on each other', () => {
    const list = begun({ count: 3 });
    due(list);
    list.take(version({ from: 2, count: 4, before: { 4: '#EXT-X-DISCONTINUITY' } }), 2_000);
    expect(due(list)).toEqual(['3.ts', '|4.ts', '5.ts']);
  });

  it('does not begin with a joint', () => {
    expect(due(begun({ count: 3, before: { 0: '#EXT-X-DISCONTINUITY' } }))).toEqual(['0.ts', '1.ts', '2.ts']);
  });

  it('may shrink', () => {
    const list = begun({ count: 6 });
    due(list);
    list.take(version({ from: 5, count: 1 }), 2_000);
    list.take(version({ from: 6, count: 1 }), 4_000);
    expect(due(list)).toEqual(['6.ts']);
  });

  it('may be empty for a while', () => {
    const list = begun({ count: 0 });
    expect(due(list)).toEqual([]);
    list.take(version({ count: 2 }), 2_000);
    expect(due(list)).toEqual(['0.ts', '1.ts']);
  });

  it('plays one file under several numbers', () => {
    const list = begun({ count: 3, name: () => 'slate.ts' });
    due(list);
    list.take(version({ from: 1, count: 3, name: () => 'slate.ts' }), 2_000);
    expect(due(list)).toEqual(['slate.ts']);
  });

  it('plays no segment twice where two servers take turns', () => {
    const list = begun({ from: 500, name: n => `a${n}.ts` });
    const seen = due(list);
    for (let i = 0; i < 8; i++) {
      const other = i % 2 === 0;
      list.take(version({ from: other ? 3 : 500, name: n => `${other ? 'b' : 'a'}${n}.ts` }), 1_000 * i);
      seen.push(...due(list));
    }
    expect(new Set(seen.map(name => name.replace('|', ''))).size).toBe(seen.length);
    expect(list.isStale(5_000)).toBe(true);
  });

  it('ends where it says so, once all is played', () => {
    const list = begun({ count: 3 });
    list.take(version({ count: 3, end: true }), 2_000);
    expect([list.complete, list.ended]).toEqual([true, false]);
    expect([due(list), list.ended]).toEqual([['0.ts', '1.ts', '2.ts'], true]);
  });

  it('goes on behind what was played before, and never in front of where it would begin', () => {
    const last = nameOf(version({ from: 6 }).segments[3] ?? expect.fail('no segment'));
    expect(due(begun({ from: 6 }, last))).toEqual(['10.ts']);
    expect(due(begun({ from: 9, count: 9 }, last))).toEqual(['15.ts', '16.ts', '17.ts']);
    expect(due(begun({ from: 5 }, last))).toEqual([]);
  });

  it.each([
    ['0', 2_000],
    ['-1', 2_000],
    ['1000000000', 60_000],
    ['0.1', 1_000],
    ['nonsense', 2_000],
    ['6', 6_000],
  ])('with a target duration of %s waits for %i ms', (target, ms) => {
    expect(begun({ target }).targetMs).toBe(ms);
  });

  it('whatever versions come, names no segment twice', () => {
    for (let seed = 0; seed < 200; seed++) {
      const roll = dice(seed);
      const list = begun({ from: roll(10), count: roll(6) });
      const seen = due(list);
      for (let i = 0; i < 10; i++) {
        const tag = roll(4) === 0 ? 'x' : '';
        const before = { [roll(20)]: ['#EXT-X-GAP', '#EXT-X-DISCONTINUITY', ''][roll(3)] ?? '' };
        list.take(version({ from: roll(14), count: roll(7), name: n => `${tag}${n}.ts`, before }), i * 1_000);
        seen.push(...due(list));
      }
      const names = seen.map(name => name.replace('|', ''));
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

import { describe, expect, it } from 'vitest';
import {
  type Breakpoint,
  type Cursor,
  cursorBehind,
  editCursor,
  firstCursor,
  isSameExcerpt,
  isStart,
  jumpCursor,
  type ListItem,
  nextCursor,
  type Playlist,
  resumeCursor,
  startCursor,
} from './playlist.ts';

const listOf = (urls: readonly string[]): ListItem[] => urls.map(url => ({ url }));

const list = (change: Partial<Playlist> = {}): Playlist => ({
  items: listOf(['a', 'b', 'c']),
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
  ...change,
});

const at = (change: Partial<Breakpoint> = {}): Breakpoint => ({
  version: 1,
  url: 'b',
  round: 2,
  index: 1,
  offsetMs: 7_400,
  ...change,
});

/** Every place where a file begins, from the given one on. */
function played(on: Playlist, from: Cursor, most = 1_000): Cursor[] {
  const places: Cursor[] = [];
  for (let place: Cursor | undefined = from; place && places.length < most; place = nextCursor(on, place)) {
    places.push(place);
  }
  return places;
}

const shown = (places: readonly Cursor[]): string => places.map(({ round, index }) => `${round}.${index}`).join(' ');

describe('a list', () => {
  it('begins at its head', () => expect(firstCursor(list())).toEqual({ round: 0, index: 0, offsetMs: 0 }));

  it('begins at the file and the second that its owner chose, in the first pass only', () => {
    const chosen = list({ startIndex: 1, startSeconds: 90, rounds: 2 });
    expect(firstCursor(chosen)).toEqual({ round: 0, index: 1, offsetMs: 90_000 });
    expect(shown(played(chosen, firstCursor(chosen)))).toBe('0.1 0.2 1.0 1.1 1.2');
    expect(played(chosen, firstCursor(chosen)).map(({ offsetMs }) => offsetMs)).toEqual([90_000, 0, 0, 0, 0]);
  });

  it('begins at its last file where the chosen one is not there', () =>
    expect(firstCursor(list({ startIndex: 9 })).index).toBe(2));

  it('is over behind its last round', () => {
    expect(shown(played(list({ rounds: 1 }), firstCursor(list())))).toBe('0.0 0.1 0.2');
    expect(nextCursor(list({ rounds: 2 }), { round: 1, index: 2, offsetMs: 0 })).toBeUndefined();
  });

  it('never ends where it is endless', () => expect(played(list(), firstCursor(list()), 500)).toHaveLength(500));

  it('plays the pass on air to its end where its rounds are cut below it', () =>
    expect(shown(played(list({ rounds: 1 }), { round: 4, index: 0, offsetMs: 0 }))).toBe('4.0 4.1 4.2'));

  it('plays a file as often as it stands in it', () => {
    const twice = list({ items: listOf(['a', 'a', 'b', 'a']), rounds: 2 });
    expect(shown(played(twice, firstCursor(twice)))).toBe('0.0 0.1 0.2 0.3 1.0 1.1 1.2 1.3');
  });
});

describe('an item', () => {
  const parts = list({
    items: [{ url: 'a', repeats: 3 }, { url: 'b', inMs: 2_000, outMs: 5_000, repeats: 2 }, { url: 'c' }],
    rounds: 2,
  });
  const words = (places: readonly Cursor[]): string =>
    places.map(({ round, index, repeat, offsetMs }) => `${round}.${index}.${repeat ?? 0}@${offsetMs}`).join(' ');

  it('is played as often as it says, from its in point each time, in every round', () => {
    const round = (at: number): string =>
      `${at}.0.0@0 ${at}.0.1@0 ${at}.0.2@0 ${at}.1.0@2000 ${at}.1.1@2000 ${at}.2.0@0`;
    expect(words(played(parts, firstCursor(parts)))).toBe(`${round(0)} ${round(1)}`);
  });

  it('says nothing of a first time in a row', () => {
    expect(firstCursor(parts)).toEqual({ round: 0, index: 0, offsetMs: 0 });
    expect(nextCursor(parts, { round: 0, index: 0, offsetMs: 0, repeat: 2 })).toEqual({
      round: 0,
      index: 1,
      offsetMs: 2_000,
    });
  });

  it('is begun where the list is to start, but not in front of its in point', () => {
    const at = (startSeconds: number): number => firstCursor({ ...parts, startIndex: 1, startSeconds }).offsetMs;
    expect([0, 1, 2, 3.5, 60].map(at)).toEqual([2_000, 2_000, 2_000, 3_500, 60_000]);
  });

  it('that is passed over is passed over with its repeats', () => {
    expect(cursorBehind(parts, { round: 0, index: 0 })).toEqual({ round: 0, index: 1, offsetMs: 2_000 });
    expect(cursorBehind(parts, { round: 1, index: 2 })).toBeUndefined();
  });

  it.each<[string, Cursor, boolean]>([
    ['at its in point', { round: 0, index: 1, offsetMs: 2_000 }, true],
    ['at its in point once more', { round: 1, index: 1, offsetMs: 2_000, repeat: 1 }, true],
    ['behind it', { round: 0, index: 1, offsetMs: 2_001 }, false],
    ['at the start of a file without one', { round: 1, index: 2, offsetMs: 0 }, true],
    ['where the first pass starts', { round: 0, index: 0, offsetMs: 9_000 }, true],
    ['there in another round', { round: 1, index: 0, offsetMs: 9_000 }, false],
    ['there in another file', { round: 0, index: 2, offsetMs: 9_000 }, false],
    ['elsewhere in the first file', { round: 0, index: 0, offsetMs: 9_001 }, false],
    ['there, but once more', { round: 0, index: 0, offsetMs: 9_000, repeat: 1 }, false],
  ])('begins %s: %o', (_, cursor, wanted) => {
    expect(isStart({ ...parts, startSeconds: 9 }, cursor)).toBe(wanted);
  });

  it.each<[string, Partial<ListItem>, boolean]>([
    ['is the same', {}, true],
    ['is played more often', { repeats: 9 }, true],
    ['says what goes without saying', { inMs: 0, videoTrack: 0, audioTrack: 0 }, true],
    ['has another address', { url: 'b' }, false],
    ['begins elsewhere', { inMs: 1 }, false],
    ['ends elsewhere', { outMs: 1 }, false],
    ['shows another picture', { videoTrack: 1 }, false],
    ['has another sound', { audioTrack: 1 }, false],
  ])('is the same to who sees it where it %s', (_, change, wanted) => {
    expect(isSameExcerpt({ url: 'a' }, { url: 'a', ...change })).toBe(wanted);
    expect(isSameExcerpt({ url: 'a', ...change }, { url: 'a' })).toBe(wanted);
  });

  it('is not the same as none', () => expect(isSameExcerpt({ url: 'a' }, undefined)).toBe(false));
});

describe('an interruption that nobody asked for', () => {
  it('goes on exactly there, whatever the refresh rule says', () => {
    expect(resumeCursor(at())).toEqual({ round: 2, index: 1, offsetMs: 7_400 });
    for (const refresh of ['newSource', 'fileStart', 'breakpoint'] as const) {
      expect(startCursor(list({ refresh }), 1, at())).toEqual({ round: 2, index: 1, offsetMs: 7_400 });
    }
  });

  it('goes on in the same repeat', () => {
    const from = at({ repeat: 2 });
    expect(resumeCursor(from)).toEqual({ round: 2, index: 1, offsetMs: 7_400, repeat: 2 });
  });

  it('before the first frame begins anew', () =>
    expect(startCursor(list({ startIndex: 1 }), 1, undefined)).toEqual({ round: 0, index: 1, offsetMs: 0 }));

  it('of a list that was edited meanwhile follows the refresh rule', () =>
    expect(startCursor(list({ refresh: 'fileStart' }), 2, at())).toEqual({ round: 2, index: 1, offsetMs: 0 }));
});

describe('an edit', () => {
  const [head, start, exact] = (['newSource', 'fileStart', 'breakpoint'] as const).map(refresh => list({ refresh }));
  const place = (edit: Partial<Playlist>, from = at()) => editCursor(list({ refresh: 'breakpoint', ...edit }), from);

  it('begins a new list like a fresh one', () => {
    expect(editCursor(list({ ...head, startIndex: 2, startSeconds: 3 }), at())).toEqual({
      round: 0,
      index: 2,
      offsetMs: 3_000,
    });
  });

  it('goes on at the start of the file on air', () =>
    expect(editCursor(list(start), at())).toEqual({ round: 2, index: 1, offsetMs: 0 }));

  it('goes on where the file on air stands', () =>
    expect(editCursor(list(exact), at())).toEqual({ round: 2, index: 1, offsetMs: 7_400 }));

  it('begins the list where nothing was played yet', () =>
    expect(editCursor(list({ ...exact, startIndex: 2 }), undefined)).toEqual({ round: 0, index: 2, offsetMs: 0 }));

  it('finds the file where it has moved to', () => {
    expect(place({ items: listOf(['x', 'y', 'z', 'b']) })).toMatchObject({ index: 3, offsetMs: 7_400 });
    expect(place({ items: listOf(['b', 'x']) })).toMatchObject({ index: 0, offsetMs: 7_400 });
  });

  it('takes the same index first, then the nearest behind, then the nearest in front', () => {
    expect(place({ items: listOf(['b', 'b', 'b']) }).index).toBe(1);
    expect(place({ items: listOf(['b', 'x', 'x', 'b', 'b']) }).index).toBe(3);
    expect(place({ items: listOf(['b', 'b', 'x', 'x']) }, at({ index: 3 })).index).toBe(1);
  });

  it('knows a file by its address without the query, where that alone was renewed', () => {
    const from = at({ url: 'http://f.example/b.mp4?token=old' });
    expect(place({ items: listOf(['x', 'y', 'http://f.example/b.mp4?token=new']) }, from)).toMatchObject({
      index: 2,
      offsetMs: 7_400,
    });
  });

  it('goes on with the start of the file that took the place of one that left', () =>
    expect(place({ items: listOf(['x', 'y', 'z']) })).toEqual({ round: 2, index: 1, offsetMs: 0 }));

  it('goes on at the head where there is no file in that place', () =>
    expect(place({ items: listOf(['x']) })).toEqual({ round: 2, index: 0, offsetMs: 0 }));

  it('keeps the repeat as far as the repeats allow', () => {
    const thrice = [{ url: 'a' }, { url: 'b', repeats: 3 }];
    expect(place({ items: thrice }, at({ repeat: 1 }))).toEqual({ round: 2, index: 1, offsetMs: 7_400, repeat: 1 });
    expect(place({ items: thrice }, at({ repeat: 7 })).repeat).toBe(2);
    expect(place({}, at({ repeat: 7 }))).toEqual({ round: 2, index: 1, offsetMs: 7_400 });
    const begun = editCursor({ ...list(start), items: thrice }, at({ repeat: 1 }));
    expect(begun).toEqual({ round: 2, index: 1, offsetMs: 0, repeat: 1 });
  });

  it('begins the file at its in point, and goes on within its points', () => {
    const within = (points: Partial<ListItem>): ListItem[] => [{ url: 'a' }, { url: 'b', ...points }, { url: 'c' }];
    expect(editCursor({ ...list(start), items: within({ inMs: 3_000 }) }, at()).offsetMs).toBe(3_000);
    expect(place({ items: within({ inMs: 3_000, outMs: 9_000 }) })).toEqual({ round: 2, index: 1, offsetMs: 7_400 });
    expect(place({ items: within({ inMs: 8_000 }) })).toEqual({ round: 2, index: 1, offsetMs: 8_000 });
  });

  it('goes on with what comes next where the new out point has been passed', () => {
    const short = { url: 'b', inMs: 1_000, outMs: 7_400 };
    expect(place({ items: [{ url: 'a' }, short, { url: 'c' }] })).toEqual({ round: 2, index: 2, offsetMs: 0 });
    expect(place({ items: [{ url: 'a' }, { ...short, repeats: 2 }] })).toEqual({
      round: 2,
      index: 1,
      offsetMs: 1_000,
      repeat: 1,
    });
  });

  it('plays the file again where the new out point has been passed and nothing comes next', () => {
    const items = [{ url: 'a' }, { url: 'b', outMs: 7_000 }];
    expect(place({ items, rounds: 3 })).toEqual({ round: 2, index: 1, offsetMs: 0 });
  });

  it('keeps the round as far as the rounds allow', () => {
    expect(place({ rounds: 5 }).round).toBe(2);
    expect(place({ rounds: 2 }).round).toBe(1);
    expect(place({ rounds: 'endless' }).round).toBe(2);
  });
});

describe('a place that its owner moves a list to', () => {
  const items = [{ url: 'a' }, { url: 'b', inMs: 1_000, outMs: 9_000 }];
  const on = list({ items, rounds: 3 });

  it('is where the file begins, unless a time in it is said', () => {
    expect(jumpCursor(on, { round: 0, index: 1 })).toEqual({ round: 0, index: 1, offsetMs: 1_000 });
    expect(jumpCursor(on, { round: 2, index: 1, offsetMs: 8_999 })).toEqual({ round: 2, index: 1, offsetMs: 8_999 });
    expect(jumpCursor(list(), { round: 99, index: 0 })).toEqual({ round: 99, index: 0, offsetMs: 0 });
  });

  it.each([
    [{ round: 0, index: 2 }, ['index']],
    [{ round: 3, index: 0 }, ['round']],
    [{ round: 0, index: 1, offsetMs: 999 }, ['offsetMs']],
    [{ round: 0, index: 1, offsetMs: 9_000 }, ['offsetMs']],
    [{ round: 3, index: 2, offsetMs: -1 }, ['index', 'round', 'offsetMs']],
  ])('is not %j', (place, fields) => {
    const problems = jumpCursor(on, place);
    expect(Array.isArray(problems) && problems.map(({ field }) => field)).toEqual(fields);
  });

  it('is where a run begins until the destination has accepted a frame behind it', () => {
    const jump = { round: 1, index: 0, offsetMs: 0 };
    expect(startCursor(on, 2, at({ version: 1 }), jump)).toEqual(jump);
    expect(startCursor(on, 2, undefined, jump)).toEqual(jump);
    expect(startCursor(on, 2, at({ version: 2 }), jump)).toEqual({ round: 2, index: 1, offsetMs: 7_400 });
    expect(startCursor(on, 2, undefined, null)).toEqual(firstCursor(on));
  });
});

/** The same numbers at every run (a linear congruential generator), so that a failure can be looked at. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return sides => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const REFRESH = ['newSource', 'fileStart', 'breakpoint'] as const;

function anyList(roll: (sides: number) => number): Playlist {
  const urls = Array.from({ length: 1 + roll(5) }, () => `http://f.example/${'abc'[roll(3)]}?${roll(2)}`);
  return list({
    items: listOf(urls),
    rounds: roll(3) === 0 ? 'endless' : 1 + roll(4),
    startIndex: roll(urls.length),
    startSeconds: roll(3) * 10,
    refresh: REFRESH[roll(3)] ?? 'newSource',
  });
}

const breakAt = ({ items }: Playlist, place: Cursor, version: number, offsetMs: number): Breakpoint => ({
  ...place,
  offsetMs,
  version,
  url: items[place.index]?.url ?? '',
});

describe('any list, broken off and edited at random', () => {
  const rolls = Array.from({ length: 2_000 }, (_, seed) => dice(seed + 1));

  it('loses no file and no round by interruptions', () => {
    for (const roll of rolls) {
      const on = { ...anyList(roll), rounds: 1 + roll(4) };
      const whole = shown(played(on, firstCursor(on)));
      const places: Cursor[] = [];
      let place: Cursor | undefined = startCursor(on, 1, undefined);
      while (place !== undefined) {
        places.push(place);
        for (let crash = roll(3); crash > 0; crash--) {
          const resumed: Cursor = startCursor(on, 1, breakAt(on, place, 1, place.offsetMs + roll(1_000)));
          expect(resumed).toMatchObject({ round: place.round, index: place.index });
        }
        place = nextCursor(on, place);
      }
      expect(shown(places)).toBe(whole);
    }
  });

  it('goes on at a place that exists, in a round that is to be played', () => {
    for (const roll of rolls) {
      const [before, after] = [anyList(roll), anyList(roll)];
      const places = played(before, firstCursor(before), 20);
      const from = breakAt(before, places[roll(places.length)] ?? firstCursor(before), 1, roll(60_000));
      const to = startCursor(after, 2, from);
      expect(after.items[to.index]).toBeDefined();
      expect(to.round).toBeLessThan(after.rounds === 'endless' ? Number.POSITIVE_INFINITY : after.rounds);
      expect(to.round).toBeLessThanOrEqual(from.round);
      if (after.refresh !== 'newSource') expect([0, from.offsetMs]).toContain(to.offsetMs);
      if (after.refresh === 'newSource') expect(to).toEqual(firstCursor(after));
    }
  });

  it('stays in the file on air where the list still has it, and never takes its time into another', () => {
    for (const roll of rolls) {
      const [before, after] = [anyList(roll), { ...anyList(roll), refresh: 'breakpoint' } as const];
      const places = played(before, firstCursor(before), 20);
      const from = breakAt(before, places[roll(places.length)] ?? firstCursor(before), 1, 1 + roll(60_000));
      const to = editCursor(after, from);
      const file = (url: string | undefined): string => (url ?? '').replace(/\?.*/, '');
      const urls = after.items.map(({ url }) => url);
      if (urls.includes(from.url)) expect(urls[to.index]).toBe(from.url);
      if (to.offsetMs > 0) expect(file(urls[to.index])).toBe(file(from.url));
      else expect(urls.map(file)).not.toContain(file(from.url));
    }
  });
});

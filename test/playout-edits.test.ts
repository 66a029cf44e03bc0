import { expect, it } from 'vitest';
import { audioOf, type Frame, videoOf, watch } from './lab/ffmpeg.ts';
import { dice, distribution, type Films, FRAME_MS, FRAMES, GOP, makeFilms, type Spot } from './lab/films.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

const FILES = 3;
const LISTS = 10;
const REFRESHES = ['immediate_new_source', 'continue_from_file_start', 'continue_from_break_point'] as const;
/** Of each refresh type, to each list. */
const EDITS = Number(process.env.TEST_EDITS ?? 5);
const SEED = Number(process.env.TEST_SEED ?? 20_240_602);
/** An edit is seen within this time of its answer. */
const SWITCH_MS = 1_000;
/** Until the viewer has what was sent. */
const TRAVEL_MS = 150;

type Roll = ReturnType<typeof dice>;

/** A list as it stands after an edit, in the numbers of the files. */
interface Wish {
  readonly files: readonly number[];
  readonly refresh: (typeof REFRESHES)[number];
  readonly startIndex: number;
  readonly startSeconds: number;
}

interface Edit {
  readonly wish: Wish;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** Other files than the former list's, or the same in another order: without a change nothing is to be seen. */
function wishOf(roll: Roll, refresh: Wish['refresh'], former: Wish): Wish {
  const left = Array.from({ length: FILES }, (_, i) => i);
  const files = Array.from({ length: 1 + roll(FILES) }, () => left.splice(roll(left.length), 1)[0] ?? 0);
  if (files.join() === former.files.join()) return wishOf(roll, refresh, former);
  return { files, refresh, startIndex: roll(files.length), startSeconds: roll(FRAMES / GOP) };
}

const bodyOf = (films: Films, { files, refresh, startIndex, startSeconds }: Wish) => ({
  source_urls: files.map(file => films.urls[file]),
  vod_refresh_type: refresh,
  vod_start_video_index: startIndex,
  vod_start_video_time: startSeconds,
});

/** Where the picture behind this one stands. */
function following({ files }: Wish, { file, frame }: Spot): Spot {
  if (frame + 1 < FRAMES) return { file, frame: frame + 1 };
  return { file: files[(files.indexOf(file) + 1) % files.length] ?? 0, frame: 0 };
}

/** Where the new list may begin when `at` was the last picture of the old one. */
function beginnings(former: Wish, wish: Wish, at: Spot): Spot[] {
  if (wish.refresh === 'immediate_new_source') {
    return [{ file: wish.files[wish.startIndex] ?? 0, frame: wish.startSeconds * GOP }];
  }
  if (!wish.files.includes(at.file)) {
    return [{ file: wish.files[former.files.indexOf(at.file)] ?? wish.files[0] ?? 0, frame: 0 }];
  }
  if (wish.refresh === 'continue_from_file_start') return [{ file: at.file, frame: 0 }];
  // Without any step back, or from the last key frame on.
  return [following(wish, at), { file: at.file, frame: at.frame - (at.frame % GOP) }];
}

const same = (one: Spot, other: Spot): boolean => one.file === other.file && one.frame === other.frame;
const show = ({ file, frame }: Spot): string => `${file}:${frame}`;

interface Switch {
  readonly refresh: Wish['refresh'];
  readonly ms: number;
  readonly repeated: number;
}

interface Picture extends Spot {
  readonly atMs: number;
}

/** Follows the pictures through the edits; each must be taken up in its time, and between them nothing may jump. */
function follow(pictures: readonly Picture[], first: Wish, edits: readonly Edit[]): Switch[] {
  const switches: Switch[] = [];
  let wish = first;
  let at = 0;
  for (const edit of edits) {
    const lastMs = edit.answeredMs + SWITCH_MS + TRAVEL_MS;
    const found = findSwitch({ pictures, from: at, former: wish, edit, lastMs });
    switches.push(found.made);
    at = found.index;
    wish = edit.wish;
  }
  for (let i = at + 1; i < pictures.length; i++) mustFollow(pictures, i, wish);
  return switches;
}

function mustFollow(pictures: readonly Picture[], i: number, ...lists: readonly Wish[]): void {
  const [before, now] = [pictures[i - 1] as Picture, pictures[i] as Picture];
  if (lists.some(list => same(following(list, before), now))) return;
  throw new Error(`${show(now)} came behind ${show(before)} in ${lists.map(list => list.files)}, picture ${i}`);
}

function findSwitch(parts: { pictures: readonly Picture[]; from: number; former: Wish; edit: Edit; lastMs: number }): {
  made: Switch;
  index: number;
} {
  const { pictures, from, former, edit, lastMs } = parts;
  const { wish, sentMs } = edit;
  const origins: Spot[] = [];
  for (let i = from + 1; i < pictures.length; i++) {
    const [before, now] = [pictures[i - 1] as Picture, pictures[i] as Picture];
    const plain = same(following(former, before), now);
    if (now.atMs >= sentMs) {
      if (now.atMs > lastMs) {
        // Nothing jumped: right where the file goes on.
        const stays = wish.refresh === 'continue_from_break_point' && wish.files.includes(before.file);
        if (stays) return { made: { refresh: wish.refresh, ms: 0, repeated: 0 }, index: i - 1 };
        throw new Error(`no ${wish.refresh} to ${JSON.stringify(wish)} by ${show(now)}, from ${former.files}`);
      }
      origins.push(before);
      const begun = origins.some(origin => beginnings(former, wish, origin).some(spot => same(spot, now)));
      // Where both lists go on the same way nobody can tell, and nobody need.
      if (begun && !(plain && wish.refresh === 'continue_from_break_point' && now.frame !== 0)) {
        const steady = plain || same(following(wish, before), now);
        const repeated = !steady && now.file === before.file ? Math.max(0, before.frame + 1 - now.frame) : 0;
        // A file that stays is taken over where it stands.
        const ms = steady ? 0 : Math.round(now.atMs - edit.answeredMs);
        return { made: { refresh: wish.refresh, ms, repeated }, index: i };
      }
    }
    if (!plain) {
      const about = `${wish.refresh} ${JSON.stringify(wish)} sent ${Math.round(now.atMs - sentMs)} ms before`;
      throw new Error(`${show(now)} came behind ${show(before)} in ${former.files}; ${about}`);
    }
  }
  throw new Error(`nothing was seen behind ${wish.refresh}`);
}

function picturesOf(films: Films, seen: readonly Frame[]): Picture[] {
  return videoOf(seen).map(({ hash, at }, i) => {
    const spot = films.find(hash);
    if (spot === undefined) throw new Error(`picture ${i} is of no file`);
    return { ...spot, atMs: at };
  });
}

function strictlyRising(seen: readonly Frame[]): boolean {
  return [videoOf(seen), audioOf(seen)].every(track =>
    track.every(({ dts }, i) => i === 0 || dts > (track[i - 1]?.dts ?? 0)),
  );
}

interface Parts {
  readonly films: Films;
  readonly nginx: Nginx;
  readonly millrace: Millrace;
}

/** Puts a list on air, edits it over and over, and answers what was sent and seen. */
async function editOnAir(place: Place, { films, nginx, millrace }: Parts, name: string, roll: Roll) {
  const { child, seen } = watch(place, nginx.url(name));
  await until('somebody watches', async () => (await nginx.streams()).has(name));
  const first: Wish = { files: [0, 1, 2], refresh: 'immediate_new_source', startIndex: 0, startSeconds: 0 };
  const created = await millrace.huawei.call({
    method: 'POST',
    body: { source_type: 'PullVodPushLive', destination_url: nginx.url(name), ...bodyOf(films, first) },
  });
  if (created.status !== 200) throw new Error(`create answered ${created.status}: ${JSON.stringify(created.body)}`);
  const { task_id } = created.body;
  await until('pictures come', () => seen.length > 50);
  const pusher = await nginx.publisherOf(name);
  const edits: Edit[] = [];
  const bag = REFRESHES.flatMap(refresh => Array.from({ length: EDITS }, () => refresh));
  while (bag.length > 0) {
    await pass(1_500 + roll(1_500));
    const wish = wishOf(roll, bag.splice(roll(bag.length), 1)[0] ?? REFRESHES[0], edits.at(-1)?.wish ?? first);
    const sentMs = performance.now();
    const { status, body } = await millrace.huawei.call({ method: 'PUT', body: { task_id, ...bodyOf(films, wish) } });
    if (status !== 200) throw new Error(`edit answered ${status}: ${JSON.stringify(body)}`);
    edits.push({ wish, sentMs, answeredMs: performance.now() });
  }
  await pass(2_000);
  const samePush = (await nginx.publisherOf(name)) === pusher;
  await millrace.huawei.remove(task_id);
  await child.stop('SIGKILL');
  return { name, first, edits, seen, samePush };
}

it('takes up every edit of a list on air within a second, where its refresh type says, in one push', async () => {
  await using place = new Place();
  const films = await makeFilms(place, FILES);
  const nginx = await Nginx.start(place, { application: 'idle_streams on;' });
  const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
  const names = Array.from({ length: LISTS }, (_, i) => `out${i}`);
  const lists = await Promise.all(
    names.map((name, i) => editOnAir(place, { films, nginx, millrace }, name, dice(SEED + i))),
  );
  const problems: string[] = [];
  const switches = lists.flatMap(({ name, first, edits, seen }) => {
    try {
      return follow(picturesOf(films, seen), first, edits);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : error}`);
      return [];
    }
  });
  for (const refresh of REFRESHES) {
    const mine = switches.filter(it => it.refresh === refresh);
    console.log(
      `${mine.length} × ${refresh} (seed ${SEED}): switch ms ${distribution(mine.map(({ ms }) => ms))}; ` +
        `pictures repeated ${distribution(mine.map(({ repeated }) => repeated))}`,
    );
  }
  expect(problems).toEqual([]);
  expect(switches.length).toBe(LISTS * REFRESHES.length * EDITS);
  expect(lists.filter(({ samePush }) => !samePush).map(({ name }) => name)).toEqual([]);
  expect(lists.filter(({ seen }) => !strictlyRising(seen)).map(({ name }) => name)).toEqual([]);
  const steppedBack = switches.filter(({ refresh }) => refresh === 'continue_from_break_point');
  expect(Math.max(...steppedBack.map(({ repeated }) => repeated)) * FRAME_MS).toBeLessThanOrEqual(GOP * FRAME_MS);
});

import type { ListItem, Playlist } from '../../src/task/playlist.ts';
import type { ListOrder, LiveOrder, RunNews, RunOrder } from '../../src/worker/channel.ts';
import { Playout } from '../../src/worker/playout.ts';
import { Run } from '../../src/worker/run.ts';
import { FRAME_BYTES } from './frame.ts';
import { fileName } from './shelf.ts';
import type { Stage } from './stage.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Pictures and sounds of a second, with what is around them. */
const USUAL_RATE = ((25 + 47) * (FRAME_BYTES + 11)) / SECOND;

export type DayKind = 'live' | 'list';

/** What lives through the day: a live run with standbys, or a list. */
export type Subject = Pick<Run | Playout, 'report' | 'stop' | 'look' | 'ended'>;

export function begin(kind: DayKind, stage: Stage): Subject {
  const { storm, destination } = stage;
  storm.often(2 * MINUTE, storm.strikeDestination(destination, USUAL_RATE));
  const tell = ({ type, reason }: RunNews): void => stage.note(`${type} ${reason}`);
  return kind === 'live' ? beginLive(stage, tell) : beginList(stage, tell);
}

type Tell = (news: RunNews) => void;
const CLAIM = { taskId: 't1', epoch: 1, destination: 'rtmp://destination/live/out' } as const;

function beginLive(stage: Stage, tell: Tell): Run {
  const { storm, chance, cameras } = stage;
  let order: RunOrder<LiveOrder> = { ...CLAIM, source: liveSource(cameras.map(({ url }) => url)) };
  const run = new Run({ ...stage.parts, order, tell });
  stage.onBug = (relay, error) => void run.takeBug(relay, error);
  const change = (next: Partial<RunOrder<LiveOrder>>): void => {
    order = { ...order, ...next };
    run.change(order);
  };
  for (const [at, camera] of cameras.entries()) storm.often((1 + 3 * at) * 40 * SECOND, storm.strikeCamera(camera));
  storm.often(3 * MINUTE, {
    'switched by hand': () => run.switchTo(chance.whole(0, 2)),
    'switched back by hand': () => run.switchTo('auto'),
    'sources changed': () => change({ source: liveSource(shuffled(cameras, stage).map(({ url }) => url)) }),
    'standby kept warm, or not': () => change({ cover: { warm: chance.happens(0.5) } }),
  });
  return run;
}

const liveSource = ([url = '', ...standby]: readonly string[]): LiveOrder => ({ kind: 'live', url, standby });

function shuffled<T>(all: readonly T[], { chance }: Stage): readonly T[] {
  return all
    .map(one => ({ one, at: chance.next() }))
    .sort((first, second) => first.at - second.at)
    .map(({ one }) => one);
}

function beginList(stage: Stage, tell: Tell): Playout {
  const { storm, shelf, cameras } = stage;
  const [standby] = cameras;
  const list = listOf(stage, 'breakpoint');
  const source: ListOrder = { kind: 'list', version: 1, list, from: { round: 0, index: 0, offsetMs: 0 } };
  let order: RunOrder<ListOrder> = {
    ...CLAIM,
    source: { ...source, ...(standby === undefined ? {} : { standby: [standby.url] }) },
  };
  const run = new Playout({ ...stage.parts, order, tell });
  stage.onBug = (relay, error) => void run.takeBug(relay, error);
  const edit = (next: Playlist): void => {
    const { version } = order.source;
    order = { ...order, source: { ...order.source, list: next, version: version + 1 } };
    run.change(order);
  };
  storm.often(MINUTE, storm.strikeShelf(shelf));
  if (standby !== undefined) storm.often(4 * MINUTE, storm.strikeCamera(standby));
  storm.often(3 * MINUTE, {
    'list edited at the break point': () => edit(withFirst(order.source.list, listOf(stage, 'breakpoint'))),
    'list edited at the file': () => edit(withFirst(order.source.list, listOf(stage, 'fileStart'))),
    'list replaced': () => edit(listOf(stage, 'newSource')),
  });
  return run;
}

/** What is on air may go on: its files are kept behind others. */
const withFirst = ({ items }: Playlist, next: Playlist): Playlist => ({
  ...next,
  items: [...next.items.slice(0, 2), ...items].slice(0, 12),
});

function listOf({ chance }: Stage, refresh: Playlist['refresh']): Playlist {
  const items = Array.from({ length: chance.whole(2, 8) }, (): ListItem => {
    const [seconds, pictureMs] = [chance.whole(5, 180), chance.pick([40, 1000 / 29.97, 1000 / 60])];
    return { url: fileName('film', seconds, pictureMs, chance.pick([0, 0, 21, 80])) };
  });
  return { items, rounds: 'endless', startIndex: 0, startSeconds: 0, refresh };
}

import { eachOf } from '../faults/node.ts';
import { backAtMs, doubledMs, nextAtMs } from '../lab/airtime.ts';
import { type ClusterNode, type ClusterWish, LabCluster } from '../lab/cluster.ts';
import { countedFile, Web } from '../lab/counted-files.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { type Shape, timeOfVideo } from '../lab/counted-stream.ts';
import { percentile } from '../lab/films.ts';
import { Oracle, type SeenStream } from '../lab/oracle.ts';
import type { Place } from '../lab/place.ts';
import { until } from '../lab/wait.ts';

/** `npm run bench -- cluster` has the trials in their full length; a test is shorter. */
export const isFull = process.env.TEST_FULL_CLUSTER === '1';

/** What a trial costs is to be the nodes' cost: media itself is little. */
export const SMALL = { fps: 10, gop: 10, videoKbit: 20, width: 160, height: 96 } satisfies Partial<Shape>;
export const GOP_MS = 1_000;

/** Nobody waits that long: whoever does has lost a task. */
const LOST_MS = 60_000;
const LATE_MS = 9_000;
const AT_ONCE = 8;
const FILES = 2;
const FILE_SECONDS = 120;

export interface StageWish extends ClusterWish {
  readonly lives: number;
  readonly lists?: number;
}

/** A task with the stream it is judged by. */
export interface Staged {
  readonly id: string;
  readonly kind: 'live' | 'list';
  readonly seen: SeenStream;
}

/** A cluster that relays one camera and plays some files, to one destination that judges it. */
export class Stage {
  readonly cluster: LabCluster;
  readonly oracle: Oracle;
  readonly source: CountedSource;
  readonly tasks: Staged[] = [];
  readonly #web: Web;

  private constructor(parts: Pick<Stage, 'cluster' | 'oracle' | 'source'> & { web: Web }) {
    this.cluster = parts.cluster;
    this.oracle = parts.oracle;
    this.source = parts.source;
    this.#web = parts.web;
  }

  /** All tasks are on air when this resolves. */
  static async start(place: Place, { lives, lists = 0, ...wish }: StageWish): Promise<Stage> {
    const [source, oracle, web] = await Promise.all([
      CountedSource.start(place, { shape: SMALL }),
      Oracle.start(place),
      Web.start(place),
    ]);
    const stage = new Stage({ cluster: await LabCluster.start(place, wish), source, oracle, web });
    await stage.add({ lives, lists });
    return stage;
  }

  async add({ lives, lists = 0 }: { lives: number; lists?: number }): Promise<void> {
    const kinds = [...Array(lives).fill('live'), ...Array(lists).fill('list')] as Staged['kind'][];
    const first = this.tasks.length;
    const more = await eachOf(kinds, AT_ONCE, async kind => {
      const name = `${kind}${first + this.#named++}`;
      return { id: await this.#create(kind, this.oracle.url(name)), kind, seen: this.oracle.stream(name) };
    });
    this.tasks.push(...more);
    await until('all tasks are on air', () => more.every(({ seen }) => seen.video.length > 0), { timeoutMs: LOST_MS });
  }

  #named = 0;

  #create(kind: Staged['kind'], to: string): Promise<string> {
    const { huawei } = this.cluster;
    if (kind === 'live') return huawei.createLive(this.source.url(), to);
    const urls = Array.from({ length: FILES }, (_, i) => this.#web.put(`/${i}.flv`, fileOf(i)));
    return huawei.createLive('', to, {
      ...{ source_type: 'PullVodPushLive', source_urls: urls, vod_loop_time: '-1' },
    });
  }

  /** Who has each task, by its id, as the database has it. */
  async holders(): Promise<Map<string, string>> {
    const rows = await this.cluster.query('select id, node from tasks');
    return new Map(rows.map(({ id, node }) => [String(id), String(node)]));
  }

  /** The tasks of a node. */
  async heldBy({ name }: ClusterNode): Promise<Staged[]> {
    const holders = await this.holders();
    return this.tasks.filter(({ id }) => holders.get(id) === name);
  }

  /** Resolves once each of them has had a connection that was opened since then; answers how long that took, by task. */
  async backOnAir(tasks: readonly Staged[], sinceMs: number): Promise<number[]> {
    const isBack = ({ seen }: Staged): boolean => backAtMs(seen, sinceMs) !== undefined;
    const what = `${tasks.length} tasks are on air elsewhere`;
    await until(what, () => tasks.every(isBack), { timeoutMs: LOST_MS, everyMs: 100 }).catch(error => {
      throw new Error(`not back: ${tasks.filter(it => !isBack(it)).map(({ id }) => id)}`, { cause: error });
    });
    return tasks.map(({ seen }) => (backAtMs(seen, sinceMs) ?? Number.NaN) - sinceMs);
  }

  /** Prints what is stored of those that took too long, for whoever has to find out why. */
  async tellLate(tasks: readonly Staged[], tookMs: readonly number[], sinceMs: number): Promise<void> {
    const late = tasks.filter((_, i) => (tookMs[i] ?? 0) > LATE_MS);
    const store = await this.cluster.openStore();
    const since = Date.now() - (performance.now() - sinceMs);
    for (const { id, seen } of late) {
      const events = (await store.events(id, 0, 1_000)).filter(({ at }) => at >= since - 1_000);
      const told = events.map(
        ({ type, at, epoch, reason }) => `${type} +${Math.round(at - since)} ms (${epoch}) ${reason}`,
      );
      const back = Math.round((backAtMs(seen, sinceMs) ?? Number.NaN) - sinceMs);
      console.log(`${id} was back after ${back} ms: ${told.join('; ')}`);
    }
  }

  /** Resolves once each task delivers; answers how long after `sinceMs` its first picture came. */
  async allOnAir(sinceMs: number): Promise<number[]> {
    const isOn = ({ seen }: Staged): boolean => nextAtMs(seen, sinceMs) !== undefined;
    await until('all tasks are on air', () => this.tasks.every(isOn), { timeoutMs: LOST_MS, everyMs: 100 }).catch(
      error => {
        const lost = this.tasks.filter(it => !isOn(it)).map(({ id }) => id);
        throw new Error(`not on air: ${lost}`, { cause: error });
      },
    );
    return this.tasks.map(({ seen }) => (nextAtMs(seen, sinceMs) ?? Number.NaN) - sinceMs);
  }

  /** The place in its file that is stored of each list, in ms. */
  async breakpoints(lists: readonly Staged[]): Promise<Map<string, number>> {
    const store = await this.cluster.openStore();
    const stored = await Promise.all(lists.map(({ id }) => store.get(id)));
    return new Map(stored.flatMap(task => (task?.breakpoint ? [[task.id, task.breakpoint.offsetMs] as const] : [])));
  }

  /** Where in its file each list went on over the first connection that was opened since then. */
  resumedAt(lists: readonly Staged[], sinceMs: number): { readonly id: string; readonly mediaMs: number }[] {
    return lists.map(({ id, seen }) => {
      const push = seen.pushes.findIndex(({ openedAtMs }) => openedAtMs > sinceMs);
      const first = seen.video.numbers[seen.video.pushes.indexOf(push)] ?? Number.NaN;
      return { id, mediaMs: timeOfVideo(first, SMALL.fps) };
    });
  }

  /** Over all streams: for how long two had one of them on air. */
  get doubledMs(): number {
    return this.tasks.reduce((sum, { seen }) => sum + doubledMs(seen), 0);
  }
}

const files = new Map<number, Buffer>();

function fileOf(number: number): Buffer {
  const file = files.get(number) ?? countedFile(FILE_SECONDS, { ...SMALL, tag: `f${number}` });
  files.set(number, file);
  return file;
}

export const p99 = (values: readonly number[]): number => percentile(values, 0.99);
export const p50 = (values: readonly number[]): number => percentile(values, 0.5);

import { monotonic } from '../../src/media/clock.ts';
import { Heartbeat } from '../../src/media/heartbeat.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSink, openSource } from '../../src/media/open.ts';
import { openItem } from '../../src/media/open-item.ts';
import { firstCursor, type Playlist } from '../../src/task/playlist.ts';
import type { ListOrder, RunOrder, RunReport } from '../../src/worker/channel.ts';
import { Playout } from '../../src/worker/playout.ts';
import { sleep } from '../../src/worker/sleep.ts';
import type { TimedNews } from './one-relay.ts';
import type { Place } from './place.ts';

/** A list of addresses, and what of a playlist is not as usual: endless, from the beginning. */
export interface Programme extends Partial<Omit<Playlist, 'items'>> {
  readonly urls: readonly string[];
}

/** One list run in the test's own process. */
export class OnePlayout {
  readonly news: TimedNews[] = [];
  readonly bugs: unknown[] = [];
  readonly #run: Playout;
  readonly #heartbeat: Heartbeat;
  #order: RunOrder<ListOrder>;

  private constructor(to: string, programme: Programme) {
    const dialler = new Dialler({ preset: 'lab' });
    this.#order = orderOf(to, programme, 1);
    this.#heartbeat = new Heartbeat({
      tickMs: 50,
      onBug: (relay, error) => {
        this.bugs.push(error);
        this.#run.takeBug(relay, error);
      },
    });
    this.#run = new Playout({
      order: this.#order,
      heartbeat: this.#heartbeat,
      openSource: (url, signal) => openSource(url, { dialler, signal }),
      openItem: ({ url }, startMs, signal) => openItem(url, { dialler, mediaDir: undefined, startMs, signal }),
      openSink: (url, signal, { tls: _, ...wish } = {}) => openSink(url, { ...wish, dialler, signal, now: monotonic }),
      now: monotonic,
      sleep,
      random: Math.random,
      tell: news => this.news.push({ ...news, atMs: monotonic() }),
      log: (_, error) => this.bugs.push(error),
    });
  }

  static start(place: Place, to: string, programme: Programme): OnePlayout {
    return place.own(new OnePlayout(to, programme), it => it.stop());
  }

  get report(): RunReport {
    return this.#run.report();
  }

  /** Another list takes the place of the present one. */
  change(programme: Programme): void {
    this.#order = orderOf(this.#order.destination, programme, this.#order.source.version + 1);
    this.#run.change(this.#order);
  }

  async stop(): Promise<void> {
    await this.#run.stop();
    this.#heartbeat.close();
  }
}

function orderOf(destination: string, { urls, ...more }: Programme, version: number): RunOrder<ListOrder> {
  const items = urls.map(url => ({ url }));
  const list: Playlist = { rounds: 'endless', startIndex: 0, startSeconds: 0, refresh: 'newSource', ...more, items };
  return { taskId: 'one', epoch: 1, source: { kind: 'list', version, list, from: firstCursor(list) }, destination };
}

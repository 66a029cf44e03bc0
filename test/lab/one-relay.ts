import { monotonic } from '../../src/media/clock.ts';
import { Heartbeat } from '../../src/media/heartbeat.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSink, openSource } from '../../src/media/open.ts';
import type { Sink } from '../../src/media/packet.ts';
import type { Lookup } from '../../src/media/resolve.ts';
import type { PortRange } from '../../src/media/srt/target.ts';
import type { RunCover, RunNews, RunReport } from '../../src/worker/channel.ts';
import { Run, type RunParts } from '../../src/worker/run.ts';
import { sleep } from '../../src/worker/sleep.ts';
import type { Place } from './place.ts';

/** News of a run, and when it was told. */
export type TimedNews = RunNews & { readonly atMs: number };

export interface Ways {
  readonly from: string;
  readonly to: string;
  readonly standby?: readonly string[];
  readonly cover?: RunCover;
  readonly lookup?: Lookup;
  /** A certificate to trust, PEM. */
  readonly ca?: string;
  /** Ports at which SRT callers may be waited for. */
  readonly listens?: PortRange;
  /** In the place of the real one. */
  readonly openSource?: RunParts['openSource'];
}

/** One live run in the test's own process: for faults that are a matter between a run and its peers. */
export class OneRelay {
  readonly news: TimedNews[] = [];
  readonly bugs: unknown[] = [];
  readonly #run: Run;
  readonly #heartbeat: Heartbeat;
  readonly #looks: NodeJS.Timeout;
  #sink: Sink | undefined;

  private constructor({ from, to, standby = [], cover = {}, lookup, ca, listens, openSource: open }: Ways) {
    const dialler = new Dialler({
      preset: 'lab',
      listens,
      ...(lookup === undefined ? {} : { lookup }),
      ...(ca === undefined ? {} : { ca }),
    });
    this.#heartbeat = new Heartbeat({
      tickMs: 50,
      onBug: (relay, error) => {
        this.bugs.push(error);
        this.#run.takeBug(relay, error);
      },
    });
    this.#run = new Run({
      order: { taskId: 'one', epoch: 1, source: { kind: 'live', url: from, standby }, destination: to, cover },
      heartbeat: this.#heartbeat,
      openSource: open ?? ((url, signal) => openSource(url, { dialler, signal })),
      openSink: async (url, signal, wish) => {
        this.#sink = await openSink(url, { ...wish, dialler, signal, now: monotonic });
        return this.#sink;
      },
      now: monotonic,
      sleep,
      random: Math.random,
      tell: news => this.news.push({ ...news, atMs: monotonic() }),
      log: (_, error) => this.bugs.push(error),
    });
    this.#looks = setInterval(() => this.#run.look(), 1_000);
  }

  static start(place: Place, ways: Ways): OneRelay {
    return place.own(new OneRelay(ways), it => it.stop());
  }

  get report(): RunReport {
    return this.#run.report();
  }

  switchTo(source: number | 'auto'): void {
    this.#run.switchTo(source);
  }

  /** What waits for the destination, in memory of ours. */
  get queuedBytes(): number {
    return this.#sink?.queuedBytes ?? 0;
  }

  /** The first loss that was told after the time. */
  lossAfter(atMs: number): TimedNews | undefined {
    return this.news.find(news => news.type === 'broke' && news.atMs >= atMs);
  }

  /** When the alarm was raised first; undefined while it was not. */
  raisedAtMs(alarm: string): number | undefined {
    return this.news.find(news => news.alarm === alarm && news.set === true)?.atMs;
  }

  async stop(): Promise<void> {
    clearInterval(this.#looks);
    await this.#run.stop();
    this.#heartbeat.close();
  }
}

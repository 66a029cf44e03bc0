import { monotonic } from '../../src/media/clock.ts';
import { Heartbeat } from '../../src/media/heartbeat.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSink, openSource } from '../../src/media/open.ts';
import type { Sink } from '../../src/media/packet.ts';
import type { Lookup } from '../../src/media/resolve.ts';
import type { PortRange } from '../../src/media/srt/target.ts';
import type { Trust } from '../../src/task/trust.ts';
import type { LiveOrder, RunCover, RunNews, RunOrder, RunReport } from '../../src/worker/channel.ts';
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
  /** Whom to believe of the source, and of the destination. */
  readonly fromTls?: Trust;
  readonly toTls?: Trust;
  /** Ports at which SRT callers may be waited for. */
  readonly listens?: PortRange;
  /** Listeners that must not be dialled, as `host:port`. */
  readonly forbidden?: readonly string[];
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

  private constructor(ways: Ways) {
    const { lookup, ca, listens, forbidden = [], openSource: open } = ways;
    const dialler = new Dialler({
      preset: 'lab',
      listens,
      forbidden,
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
      order: orderOf(ways),
      heartbeat: this.#heartbeat,
      openSource:
        open ??
        ((url, signal, { tls: trust, ...wish } = {}) =>
          openSource(url, { ...wish, dialler: dialler.trusting(trust), signal })),
      openSink: async (url, signal, { tls: trust, ...wish } = {}) => {
        this.#sink = await openSink(url, { ...wish, dialler: dialler.trusting(trust), signal, now: monotonic });
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

function orderOf({ from, fromTls, to, toTls, standby = [], cover = {} }: Ways): RunOrder<LiveOrder> {
  const source = { kind: 'live', url: from, standby, ...(fromTls === undefined ? {} : { tls: fromTls }) } as const;
  return { taskId: 'one', epoch: 1, source, destination: to, cover, ...(toTls === undefined ? {} : { tls: toTls }) };
}

/**
 * The process entry of a worker. The control process starts it and gives it runs; it outlives a control process that
 * died, so that its pushes go on while the next one starts.
 */

import { fstatSync, ftruncateSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { redactUrl } from '../media/address.ts';
import { monotonic } from '../media/clock.ts';
import { Dialler } from '../media/net.ts';
import { openSink, openSource } from '../media/open.ts';
import { type ItemOptions, openItem } from '../media/open-item.ts';
import type { Preset } from '../media/policy.ts';
import { Heartbeat } from '../media/relay.ts';
import type { ListItem } from '../task/playlist.ts';
import { dialChannel, type FromWorker, type Peer, type RunNews, type ToWorker } from './channel.ts';
import { Runs } from './runs.ts';
import { sleep } from './sleep.ts';

const REDIAL_MS = 250;
const BEAT_MS = 1_000;
/** Keeps a message well below the channel's bound. */
const REPORTS_A_MESSAGE = 500;
const GOODBYE_MS = 1_000;
/** Of all runs, kept for the next control process; beyond that the oldest are lost. */
const MOST_UNHEARD = 10_000;
const LOG_BYTES = 10 * 1024 * 1024;
const STDERR = 2;
const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`\\<>|]+/gi;

interface Settings {
  readonly channel: string;
  readonly slot: number;
  readonly network: Preset;
  /** Where `media://` files lie. */
  readonly mediaDir: string | undefined;
  readonly tickMs: number;
  readonly orphanMs: number;
  readonly forbidden: readonly string[];
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const channel = env.MILLRACE_CHANNEL;
  if (channel === undefined) throw new Error('MILLRACE_CHANNEL must be set; the control process does so');
  return {
    channel,
    slot: Number(env.MILLRACE_SLOT ?? 0),
    network: parseNetwork(env.MILLRACE_NETWORK),
    mediaDir: env.MILLRACE_MEDIA,
    tickMs: Number(env.MILLRACE_TICK_MS ?? 50),
    orphanMs: Number(env.MILLRACE_ORPHAN_MS ?? 30_000),
    forbidden: (env.MILLRACE_FORBIDDEN ?? '').split(',').filter(listener => listener !== ''),
  };
}

/** Whatever is not clearly more is the strictest. */
const parseNetwork = (text: string | undefined): Preset => (text === 'lab' || text === 'lan' ? text : 'public');

/** What of a file a list wants to have played. */
const partOf = ({ inMs, outMs, videoTrack, audioTrack }: ListItem): Pick<ItemOptions, 'points' | 'tracks'> => ({
  points: { inMs, outMs },
  tracks: { video: videoTrack, audio: audioTrack },
});

/** One JSON line on stderr, bounded where that is a file: a worker may live for years. */
function log(level: 'info' | 'error', msg: string, error?: unknown): void {
  const err = error === undefined ? undefined : String(error instanceof Error ? error.stack : error);
  const line = JSON.stringify({ level, time: new Date().toISOString(), pid: process.pid, msg, err });
  const stderr = fstatSync(STDERR);
  if (stderr.isFile() && stderr.size > LOG_BYTES) ftruncateSync(STDERR);
  process.stderr.write(`${line.replace(URL_IN_TEXT, url => redactUrl(url))}\n`);
}

/** The worker: its heartbeat, its runs, and the channel on which it is told what to do. */
class Worker {
  readonly #settings: Settings;
  readonly #heartbeat: Heartbeat;
  readonly #runs: Runs;
  readonly #peer: Peer<FromWorker>;
  readonly #beat: NodeJS.Timeout;
  /** Since when nobody has been on the channel; undefined while somebody is. */
  #aloneSinceMs: number | undefined = monotonic();
  /** News that nobody was there to hear: the hello tells where a run stands, but not which files it has played. */
  readonly #unheard: RunNews[] = [];
  #ending = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#heartbeat = new Heartbeat({
      tickMs: settings.tickMs,
      onBug: (...bug) => this.#runs.takeBug(...bug),
      onBeat: () => this.#tellPlaces(),
    });
    this.#runs = this.#makeRuns();
    this.#peer = this.#dialControl();
    this.#beat = setInterval(() => this.#tellReports(), BEAT_MS);
  }

  /** Ends every run cleanly, and then the process by leaving it nothing to do. */
  async end(reason: string): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    log('info', `worker ends: ${reason}`);
    await this.#runs.close();
    clearInterval(this.#beat);
    this.#heartbeat.close();
    this.#peer.close();
    setTimeout(() => process.exit(0), GOODBYE_MS).unref();
  }

  #makeRuns(): Runs {
    const { network, forbidden, mediaDir } = this.#settings;
    const dialler = new Dialler({ preset: network, forbidden });
    return new Runs({
      heartbeat: this.#heartbeat,
      openSource: (url, signal) => openSource(url, { dialler, signal }),
      openItem: (item, startMs, signal) => openItem(item.url, { dialler, mediaDir, startMs, signal, ...partOf(item) }),
      openSink: (url, signal) => openSink(url, { dialler, signal, now: monotonic }),
      now: monotonic,
      sleep,
      random: Math.random,
      tell: news => this.#tell(news),
      ended: (taskId, epoch, breakpoint) => {
        this.#peer.send({ t: 'ended', taskId, epoch, ...(breakpoint === undefined ? {} : { breakpoint }) });
      },
      log: (message, error) => log('error', message, error),
    });
  }

  #dialControl(): Peer<FromWorker> {
    const { channel, slot } = this.#settings;
    return dialChannel(
      channel,
      {
        hello: () => ({ t: 'hello', role: 'worker', slot, pid: process.pid, runs: this.#runs.reports }),
        message: message => this.#obey(message),
        connected: () => {
          this.#aloneSinceMs = undefined;
          for (const news of this.#unheard.splice(0)) this.#tell(news);
        },
        closed: () => {
          this.#aloneSinceMs = monotonic();
        },
      },
      { signal: new AbortController().signal, retryMs: REDIAL_MS },
    );
  }

  #obey(message: ToWorker): void {
    if (message.t === 'start') this.#runs.start(message.order);
    else if (message.t === 'stop') this.#runs.stop(message.taskId, message.epoch);
    else void this.end('told to');
  }

  #tell(news: RunNews): void {
    if (this.#aloneSinceMs === undefined) {
      this.#peer.send({ t: 'news', news });
      return;
    }
    this.#unheard.push(news);
    if (this.#unheard.length > MOST_UNHEARD) this.#unheard.shift();
  }

  #tellPlaces(): void {
    const places = this.#runs.newPlaces();
    if (places.length > 0) this.#peer.send({ t: 'places', places });
  }

  /** Sent without runs too: control takes a silent worker for a blocked one. */
  #tellReports(): void {
    const reports = this.#runs.reports;
    for (let at = 0; at === 0 || at < reports.length; at += REPORTS_A_MESSAGE) {
      this.#peer.send({ t: 'reports', reports: reports.slice(at, at + REPORTS_A_MESSAGE) });
    }
    const alone = this.#aloneSinceMs;
    if (alone !== undefined && monotonic() - alone >= this.#settings.orphanMs) void this.end('no control process');
  }
}

// Whoever reads our log may be gone.
process.stderr.on('error', () => {});
process.on('uncaughtException', error => {
  log('error', 'worker failed', error);
  process.exit(1);
});
// Ctrl-C goes to the whole process group; control decides what it means.
process.on('SIGINT', () => {});
const worker = new Worker(readSettings(process.env));
process.on('SIGTERM', () => void worker.end('SIGTERM'));
// Now rather than at a clean exit, which a killed worker never has.
flushCompileCache();

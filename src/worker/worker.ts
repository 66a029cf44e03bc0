import type { Fence } from '../media/fence.ts';
import { FlvViewer } from '../media/flv/viewer.ts';
import type { Heartbeat } from '../media/heartbeat.ts';
import type { Relay } from '../media/relay.ts';
import type { Wire } from '../media/wire.ts';
import { onceReached } from './attempts.ts';
import type { DialListener, FromWorker, Peer, ProcessVitals, RunNews, ToWorker } from './channel.ts';
import { Runs, type RunsOptions } from './runs.ts';

export interface WorkerParts extends Omit<RunsOptions, 'heartbeat' | 'tell' | 'ended' | 'prepared' | 'fence'> {
  readonly slot: number;
  readonly pid: number;
  /** How long it goes on without a control process. */
  readonly orphanMs: number;
  /** What no push gets past; absent where nobody else could push in our place. */
  readonly fence?: Fence;
  /** Its share of the dials to a host that does not answer is another one from here on. */
  readonly paceDials?: (perSecond: number) => void;
  readonly beating: (on: BeatListener) => Beating;
  /** Dials the control process over and over. */
  readonly dial: (listener: DialListener) => Peer<FromWorker>;
  /** Dials it once more, for the bytes of one viewer. */
  readonly dialTap: (id: string) => Promise<Wire>;
  /** What this process costs; absent where it is none. */
  readonly usage?: () => Pick<ProcessVitals, 'cpuMs' | 'rssBytes'>;
  /** Acts over and over, until what it answers is called. */
  readonly every: (ms: number, act: () => void) => () => void;
  readonly ends: (reason: string) => void;
  /** The lease is over: so many runs are broken off. */
  readonly cuts?: (runs: number) => void;
  /** Everything is closed: the process has nothing to do any more. */
  readonly over: () => void;
}

export interface BeatListener {
  readonly onBug: (relay: Relay, error: unknown) => void;
  readonly onBeat: () => void;
  readonly mayVisit: () => boolean;
}

type Beating = Pick<Heartbeat, 'add' | 'remove' | 'close'>;

const BEAT_MS = 1_000;
/** Keeps a message well below the channel's bound. */
const REPORTS_A_MESSAGE = 500;
/** Of all runs, kept for the next control process; beyond that the oldest are lost. */
const MOST_UNHEARD = 10_000;

/** What a worker process does: its heartbeat, its runs, and the channel on which it is told what to do. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #heartbeat: Beating;
  readonly #runs: Runs;
  readonly #peer: Peer<FromWorker>;
  readonly #endBeat: () => void;
  /** Since when nobody has been on the channel; undefined while somebody is. */
  #aloneSinceMs: number | undefined;
  /** News that nobody was there to hear: the hello tells where a run stands, but not which files it has played. */
  readonly #unheard: RunNews[] = [];
  /** Ends the wait for the end of the present lease. */
  #watch = new AbortController();
  #ending = false;
  #toldAtMs: number;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#aloneSinceMs = parts.now();
    this.#toldAtMs = parts.now();
    this.#heartbeat = parts.beating({
      onBug: (...bug) => this.#runs.takeBug(...bug),
      onBeat: () => this.#tellPlaces(),
      mayVisit: () => parts.fence?.holds ?? true,
    });
    parts.fence?.onFall(() => this.#cut());
    this.#runs = this.#makeRuns();
    this.#peer = this.#dialControl();
    this.#endBeat = parts.every(BEAT_MS, () => this.#tellReports());
  }

  /** Ends every run cleanly, and then the worker. */
  async end(reason: string): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#parts.ends(reason);
    await this.#runs.close();
    this.#endBeat();
    this.#heartbeat.close();
    this.#peer.close();
    this.#parts.over();
  }

  #makeRuns(): Runs {
    return new Runs({
      ...this.#parts,
      heartbeat: this.#heartbeat,
      tell: news => this.#tell(news),
      prepared: (taskId, epoch, isReady) => this.#peer.send({ t: 'prepared', taskId, epoch, isReady }),
      ended: (taskId, epoch, { breakpoint, isCut } = {}) => {
        const where = breakpoint === undefined ? {} : { breakpoint };
        const why = isCut ? { cut: true as const } : this.#ending ? { leaving: true as const } : {};
        this.#peer.send({ t: 'ended', taskId, epoch, ...where, ...why });
      },
    });
  }

  #dialControl(): Peer<FromWorker> {
    const { dial, slot, pid, now } = this.#parts;
    return dial({
      hello: () => ({ t: 'hello', role: 'worker', slot, pid, runs: this.#runs.reports }),
      message: message => this.#obey(message),
      connected: () => {
        this.#aloneSinceMs = undefined;
        for (const news of this.#unheard.splice(0)) this.#tell(news);
      },
      closed: () => {
        this.#aloneSinceMs = now();
        this.#runs.discardUnderstudies();
      },
    });
  }

  #obey(message: ToWorker): void {
    if (message.t === 'start') this.#runs.start(message.order);
    else if (message.t === 'prepare') this.#runs.prepare(message.order);
    else if (message.t === 'stop') this.#runs.stop(message.taskId, message.epoch);
    else if (message.t === 'tap') void this.#show(message);
    else if (message.t === 'lease') this.#renew(message);
    else if (message.t === 'exit') void this.end('told to');
  }

  #renew({ untilMs, dialsPerSecond }: Extract<ToWorker, { t: 'lease' }>): void {
    const { fence, paceDials } = this.#parts;
    if (dialsPerSecond !== undefined) paceDials?.(dialsPerSecond);
    this.#watch.abort();
    fence?.renew(untilMs);
    if (fence?.holds && untilMs !== null) this.#awaitEnd(fence);
  }

  /** So that a worker without a relay, whose heart does not beat, notices it as well. */
  #awaitEnd(fence: Fence): void {
    this.#watch = new AbortController();
    onceReached(this.#parts.sleep(Math.max(0, fence.leftMs), this.#watch.signal), () => {
      if (fence.holds) this.#awaitEnd(fence);
    });
  }

  #cut(): void {
    this.#parts.cuts?.(this.#runs.reports.length);
    this.#runs.cut();
    this.#mindControl();
  }

  /** Without a control process and without a lease nothing is left to wait for. */
  #mindControl(): void {
    const { fence, now, orphanMs } = this.#parts;
    const alone = this.#aloneSinceMs;
    if (alone === undefined) return;
    if (fence?.hasFallen) void this.end('no control process, and the lease is over');
    else if (now() - alone >= orphanMs) void this.end('no control process');
  }

  async #show({ taskId, epoch, id, look }: Extract<ToWorker, { t: 'tap' }>): Promise<void> {
    const { dialTap, now } = this.#parts;
    try {
      const viewer = new FlvViewer({ look, wire: await dialTap(id), now });
      if (!this.#runs.show(taskId, epoch, viewer)) viewer.close();
    } catch {
      // Whoever asked may be gone as well.
      this.#peer.send({ t: 'untapped', id });
    }
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

  #vitals(): { readonly process?: ProcessVitals } {
    const { now, usage } = this.#parts;
    const atMs = now();
    const lagMs = Math.max(0, atMs - this.#toldAtMs - BEAT_MS);
    this.#toldAtMs = atMs;
    return usage === undefined ? {} : { process: { atMs, lagMs, ...usage() } };
  }

  /** Sent without runs too: control takes a silent worker for a blocked one. */
  #tellReports(): void {
    this.#runs.look();
    const reports = this.#runs.reports;
    const vitals = this.#vitals();
    for (let at = 0; at === 0 || at < reports.length; at += REPORTS_A_MESSAGE) {
      this.#peer.send({ t: 'reports', reports: reports.slice(at, at + REPORTS_A_MESSAGE), ...vitals });
    }
    this.#mindControl();
  }
}

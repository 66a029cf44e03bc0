/**
 * The process entry of a worker. The control process starts it and gives it runs; it outlives a control process that
 * died, so that its pushes go on while the next one starts.
 */

import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { monotonic, sinceBoot } from '../media/clock.ts';
import { Fence } from '../media/fence.ts';
import { Heartbeat } from '../media/heartbeat.ts';
import { Dialler } from '../media/net.ts';
import { openSink, openSource } from '../media/open.ts';
import { type ItemOptions, openItem } from '../media/open-item.ts';
import type { Preset } from '../media/policy.ts';
import type { PortRange } from '../media/srt/target.ts';
import { asWire } from '../media/wire.ts';
import type { ListItem } from '../task/playlist.ts';
import { dialChannel } from './channel.ts';
import { log } from './log.ts';
import { sleep } from './sleep.ts';
import { dialTap } from './tap-line.ts';
import { Turnstile } from './turnstile.ts';
import { processUsage } from './usage.ts';
import { Worker } from './worker.ts';

const REDIAL_MS = 250;
const GOODBYE_MS = 1_000;

interface Settings {
  readonly channel: string;
  readonly slot: number;
  readonly network: Preset;
  /** Where `media://` files lie. */
  readonly mediaDir: string | undefined;
  /** Certificates to trust besides the system's, PEM. */
  readonly ca: string | undefined;
  readonly listens: PortRange | undefined;
  readonly tickMs: number;
  readonly orphanMs: number;
  readonly forbidden: readonly string[];
  readonly dialsPerSecond: number;
  readonly isLeased: boolean;
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const channel = env.MILLRACE_CHANNEL;
  if (channel === undefined) throw new Error('MILLRACE_CHANNEL must be set; the control process does so');
  return {
    channel,
    slot: Number(env.MILLRACE_SLOT ?? 0),
    network: parseNetwork(env.MILLRACE_NETWORK),
    mediaDir: env.MILLRACE_MEDIA,
    ca: env.MILLRACE_CA === undefined ? undefined : readFileSync(env.MILLRACE_CA, 'utf8'),
    listens: parsePorts(env.MILLRACE_SRT_LISTEN),
    tickMs: Number(env.MILLRACE_TICK_MS ?? 50),
    orphanMs: Number(env.MILLRACE_ORPHAN_MS ?? 30_000),
    forbidden: (env.MILLRACE_FORBIDDEN ?? '').split(',').filter(listener => listener !== ''),
    dialsPerSecond: Number(env.MILLRACE_DIALS_PER_SECOND ?? 20),
    isLeased: env.MILLRACE_LEASED === '1',
  };
}

function parsePorts(text = ''): PortRange | undefined {
  const [from, to] = text.split('-').map(Number);
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** Whatever is not clearly more is the strictest. */
const parseNetwork = (text: string | undefined): Preset => (text === 'lab' || text === 'lan' ? text : 'public');

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');

/** What of a file a list wants to have played. */
const partOf = ({ inMs, outMs, videoTrack, audioTrack }: ListItem): Pick<ItemOptions, 'points' | 'tracks'> => ({
  points: { inMs, outMs },
  tracks: { video: videoTrack, audio: audioTrack },
});

function startWorker(settings: Settings): Worker {
  const { channel, slot, network, mediaDir, tickMs, orphanMs, forbidden, dialsPerSecond, ca, listens } = settings;
  const fence = new Fence({ sinceBoot, now: monotonic, wall: Date.now, isLeased: settings.isLeased });
  const dialler = new Dialler({ preset: network, forbidden, listens, fence, ...(ca === undefined ? {} : { ca }) });
  const turnstile = new Turnstile({ now: monotonic, sleep, perSecond: dialsPerSecond });
  return new Worker({
    slot,
    pid: process.pid,
    orphanMs,
    fence,
    paceDials: perSecond => {
      turnstile.perSecond = perSecond;
    },
    cuts: runs => log('info', `the lease is over: ${runs} runs are broken off`),
    beating: on => new Heartbeat({ tickMs, ...on }),
    openSource: (url, signal, { tls, ...wish } = {}) =>
      openSource(url, { ...wish, dialler: dialler.trusting(tls), signal }),
    openItem: (item, startMs, signal) => openItem(item.url, { dialler, mediaDir, startMs, signal, ...partOf(item) }),
    openSink: (url, signal, { tls, ...wish } = {}) => {
      const options = { ...wish, dialler: dialler.trusting(tls), signal, now: monotonic };
      return turnstile.pass(hostOf(url), signal, () => openSink(url, options));
    },
    usage: processUsage,
    dialTap: async id => asWire(await dialTap(channel, id), 'push', { onData: () => {} }),
    dial: listener => dialChannel(channel, listener, { signal: new AbortController().signal, retryMs: REDIAL_MS }),
    now: monotonic,
    sleep,
    every,
    random: Math.random,
    ends: reason => log('info', `worker ends: ${reason}`),
    // What is left to do is done, and then the process is left with nothing to do.
    over: () => void setTimeout(() => process.exit(0), GOODBYE_MS).unref(),
    log: (message, error) => log('error', message, error),
  });
}

function every(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  return () => clearInterval(timer);
}

// Whoever reads our log may be gone.
process.stderr.on('error', () => {});
process.on('uncaughtException', error => {
  log('error', 'worker failed', error);
  process.exit(1);
});
// Ctrl-C goes to the whole process group; control decides what it means.
process.on('SIGINT', () => {});
const worker = startWorker(readSettings(process.env));
process.on('SIGTERM', () => void worker.end('SIGTERM'));
// Now rather than at a clean exit, which a killed worker never has.
flushCompileCache();

/**
 * The process entry of the built-in RTMP server. The control process starts it and says when it is to end; it outlives
 * a control process that died, so that the streams it carries go on while the next one starts.
 */
import { monotonic } from '../media/clock.ts';
import type { Fault } from '../media/fault.ts';
import { Origin } from '../media/rtmp/origin.ts';
import type { OriginCaller } from '../media/rtmp/origin-peer.ts';
import { dialChannel } from './channel.ts';
import { log, Sparing } from './log.ts';

const EXIT_FAILED = 1;
const EXIT_PORT_TAKEN = 6;
const REDIAL_MS = 250;
const BEAT_MS = 1_000;
const CLOSE_DEADLINE_MS = 3_000;
const DEFAULT_ORPHAN_MS = 30_000;
/** Anybody may connect and hang up, as often as they like. */
const LINES_A_SECOND = 20;

interface Settings {
  readonly channel: string;
  readonly slot: number;
  readonly host: string;
  readonly port: number;
  readonly orphanMs: number;
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const { MILLRACE_CHANNEL, MILLRACE_SLOT, MILLRACE_LISTEN, MILLRACE_ORPHAN_MS } = env;
  if (MILLRACE_CHANNEL === undefined || MILLRACE_LISTEN === undefined) {
    throw new Error('MILLRACE_CHANNEL and MILLRACE_LISTEN must be set; the control process does so');
  }
  const listen = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:]+)):(?<port>\d{1,5})$/.exec(MILLRACE_LISTEN)?.groups;
  if (listen === undefined) throw new Error(`MILLRACE_LISTEN is not HOST:PORT: ${MILLRACE_LISTEN}`);
  return {
    channel: MILLRACE_CHANNEL,
    slot: Number(MILLRACE_SLOT ?? 0),
    host: listen.v6 ?? listen.name ?? '127.0.0.1',
    port: Number(listen.port),
    orphanMs: Number(MILLRACE_ORPHAN_MS ?? DEFAULT_ORPHAN_MS),
  };
}

/** Aborts when this process has been without a control process for too long. */
class Orphanage {
  readonly #orphanMs: number;
  readonly #over: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(orphanMs: number, over: () => void) {
    this.#orphanMs = orphanMs;
    this.#over = over;
    this.alone();
  }

  alone(): void {
    this.#timer ??= setTimeout(this.#over, this.#orphanMs);
  }

  cared(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

async function serve(settings: Settings, stop: AbortController): Promise<void> {
  const said = new Sparing({ perSecond: LINES_A_SECOND, now: monotonic, say: words => log('info', words) });
  const origin = await Origin.listen({
    ...{ host: settings.host, port: settings.port, now: monotonic },
    onLeft: (fault, caller) => {
      if (!stop.signal.aborted) said.say(leaving(fault, caller));
    },
  });
  const orphanage = new Orphanage(settings.orphanMs, () => stop.abort());
  const stopped = new Promise<void>(resolve => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  const { slot, channel } = settings;
  const peer = dialChannel(
    channel,
    {
      hello: () => ({ t: 'hello', role: 'origin', slot, pid: process.pid, address: origin.address, runs: [] }),
      message: message => {
        if (message.t === 'exit') stop.abort();
      },
      connected: () => orphanage.cared(),
      closed: () => orphanage.alone(),
    },
    { signal: stop.signal, retryMs: REDIAL_MS },
  );
  // An empty report once a second: control takes a silent process for a blocked one.
  const beat = setInterval(() => {
    peer.send({ t: 'reports', reports: [] });
    said.flush();
  }, BEAT_MS);
  if (!stop.signal.aborted) await stopped;
  clearInterval(beat);
  orphanage.cared();
  await origin.close();
}

/** The name of a stream may be all that protects it: it is not told. */
function leaving({ message }: Fault, caller: OriginCaller | undefined): string {
  if (caller === undefined) return message;
  const { role, address, app } = caller;
  return `the ${role} at ${address}${app === '' ? '' : ` of ${app}/***`} left: ${message}`;
}

function die(code: number, reason: string): never {
  process.stderr.write(`millrace origin: ${reason}\n`);
  process.exit(code);
}

async function main(): Promise<void> {
  const stop = new AbortController();
  // Ctrl-C goes to the whole process group; control decides what it means.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => stop.abort());
  // Control may be gone, and the pipe of our stderr with it.
  process.stderr.on('error', () => undefined);
  process.on('uncaughtException', error => die(EXIT_FAILED, String(error.stack ?? error).replaceAll('\n', ' | ')));
  stop.signal.addEventListener('abort', () => setTimeout(() => process.exit(0), CLOSE_DEADLINE_MS).unref());
  try {
    await serve(readSettings(process.env), stop);
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const reason = error instanceof Error ? error.message : String(error);
    die(taken ? EXIT_PORT_TAKEN : EXIT_FAILED, taken ? `the RTMP port is taken: ${reason}` : reason);
  }
  process.exit(0);
}

await main();

// A control process with one worker and one live run, and a lease that it renews for as long as it is let. What it would say
// to a supervisor of its own it prints, a JSON object a line.
import { join } from 'node:path';
import { Supervisor } from '../../src/control/supervisor.ts';
import { monotonic, sinceBoot } from '../../src/media/clock.ts';
import type { RunOrder } from '../../src/worker/channel.ts';
import { workerProcess } from '../../src/worker/spawn.ts';

export interface LoneSettings {
  readonly folder: string;
  readonly from: string;
  readonly to: string;
  readonly leaseMs: number;
  readonly epoch: number;
  /** A file of certificates to trust. */
  readonly ca?: string;
}

const RENEW_PARTS = 5;
const say = (words: object): void => void process.stdout.write(`${JSON.stringify(words)}\n`);

const settings = JSON.parse(process.argv[2] ?? '{}') as LoneSettings;
const { folder, from, to, leaseMs, epoch, ca } = settings;
const channel = join(folder, 'control.sock');
const order: RunOrder = { taskId: 'task', epoch, source: { kind: 'live', url: from }, destination: to };

const supervisor = new Supervisor({
  socketPath: channel,
  childrenFile: join(folder, 'children.json'),
  workers: 1,
  spawn: slot => {
    const child = workerProcess({ channel, slot, logFolder: folder, network: 'lab', ca, leased: true });
    say({ pid: child.pid });
    return child;
  },
  listener: {
    news: ({ type, reason }) => say({ news: type, reason }),
    carried: () => {},
    reported: () => {},
    progress: () => {},
    reached: () => {},
    lost: (_, lostEpoch, reason) => say({ lost: lostEpoch, reason }),
    adopt: async () => [],
  },
  now: monotonic,
  log: message => say({ log: message }),
});

/** It is said before it is sent: whoever reads this knows of every lease that the worker may have heard of. */
function renew(): void {
  const untilMs = sinceBoot() + leaseMs;
  say({ untilMs });
  supervisor.lease(untilMs);
}

renew();
setInterval(renew, leaseMs / RENEW_PARTS);
await supervisor.start();
supervisor.place(order);

import { Readable } from 'node:stream';
import { run } from '../../src/cli/cli.ts';
import type { ApiKeys, Doors, OpenAccounts } from '../../src/cli/doors.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { verifyWebhook } from '../../src/control/webhook.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Around {
  readonly doors?: Partial<Doors>;
  readonly terminal?: Partial<Terminal>;
  readonly typed?: string | Uint8Array;
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

/** One command in a world of the test's own, up to its end. */
export async function commandLine(argv: readonly string[], around: Around = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const never = new AbortController().signal;
  const code = await run(argv, {
    terminal: {
      stdin: Readable.from(around.typed === undefined ? [] : [around.typed]),
      out: text => {
        out += text;
        around.onOut?.(out);
      },
      err: text => {
        err += text;
      },
      live: false,
      gone: never,
      now: Date.now,
      env: {},
      cwd: '/nowhere',
      cores: 2,
      ...around.terminal,
    },
    doors: async () => ({
      serve: absent,
      diagnose: absent,
      tryRelay: absent,
      backup: absent,
      restore: absent,
      moveStore: absent,
      probeUrl: absent,
      probePush: absent,
      openAccounts: absent,
      openAssets: absent,
      verifyWebhook,
      ...around.doors,
    }),
    signal: around.signal ?? never,
    handOver: never,
  });
  return { code, out, err };
}

const absent = (): Promise<never> => Promise.reject(new Error('nobody is behind this door'));

/** Accounts that make API keys and forget them, and tell of both in `calls`. */
export function keyDoor(calls: unknown[][], accounts: readonly string[] = []): Pick<Doors, 'openAccounts'> {
  const say = (...call: unknown[]) => void calls.push(call);
  const apiKeys: Pick<ApiKeys, 'create' | 'removePassing'> = {
    create: async wish => {
      say('create', wish);
      const id = `k${calls.length}`;
      const rest = {
        accountId: 'a',
        projectId: '',
        name: '',
        enabled: true,
        createdAt: 0,
        expiresAt: 0,
        policies: null,
      };
      return { key: { id, ...rest }, token: `mlr_${id}` };
    },
    removePassing: async id => {
      say('remove', id);
      return true;
    },
  };
  const open = {
    accounts: {
      findAccount: async (id: string) => (accounts.includes(id) ? { id, createdAt: 0, live: true } : undefined),
    },
    apiKeys,
    close: async () => {},
  };
  return {
    openAccounts: async (_, options) => {
      if (options?.mustStand !== true) throw new Error('the data would be made where there is none');
      // Of all that accounts can do, the commands in question use no more.
      return open as unknown as OpenAccounts;
    },
  };
}

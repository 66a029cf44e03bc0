import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { Member } from '../cluster/cluster.ts';
import type { Task } from '../task/task.ts';
import { NODE_TOKEN_HEADER, NodeOutOfReach, Pictures } from './pictures.ts';
import { NotShown } from './taps.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Setting {
  readonly holder?: string;
  readonly api?: string | null;
  readonly key?: string;
  readonly now?: () => number;
}

const pictures = ({ holder = 'b', api = null, key = 'key', now = () => 1_000_000 }: Setting = {}): Pictures =>
  new Pictures({
    node: 'a',
    store: {
      get: async id => (id === 'none' ? undefined : ({ id, node: holder } as Task)),
      mark: (purpose, words) => createHmac('sha256', key).update(`${purpose} ${words}`).digest('base64url'),
    },
    cluster: { members: [{ name: 'b', api } as Member] },
    here: async taskId => Readable.from([`here ${taskId}`]),
    now,
  });

describe('the picture of a task', () => {
  it.each(['a', ''])('comes from here where this node has it, or nobody: %j', async holder => {
    expect(await text(await pictures({ holder }).show('t', 'live'))).toBe('here t');
  });

  it.each([
    ['live', '/api/v1/tasks/t%2F1/live.flv'],
    ['still', '/api/v1/tasks/t%2F1/still'],
  ] as const)('is fetched from the node that has it: %s', async (look, path) => {
    const asked: IncomingMessage[] = [];
    const api = await serve((request, response) => {
      asked.push(request);
      response.end('FLV');
    });
    expect(await text(await pictures({ api }).show('t/1', look))).toBe('FLV');
    const token = String(asked[0]?.headers[NODE_TOKEN_HEADER]);
    expect(asked[0]?.url).toBe(path);
    expect(pictures().vouches(token, 't/1')).toBe(true);
  });

  it.each([
    [409, 'offAir'],
    [429, 'taken'],
    [503, 'silent'],
  ] as const)('is refused as it is there: %i', async (status, why) => {
    const api = await serve((_, response) => response.writeHead(status).end());
    await expect(pictures({ api }).show('t', 'live')).rejects.toEqual(new NotShown(why));
  });

  it('is out of reach where its node is, and that is named', async () => {
    const closed = await serve(() => {});
    for (const close of closers.splice(0)) close();
    const stranger = await serve((_, response) => response.writeHead(401).end());
    for (const api of [null, closed, stranger])
      await expect(pictures({ api }).show('t', 'live')).rejects.toMatchObject({ name: 'NodeOutOfReach', node: 'b' });
    await expect(pictures({ holder: 'c' }).show('t', 'live')).rejects.toBeInstanceOf(NodeOutOfReach);
  });
});

describe('the token of a node', () => {
  const tokenAt = async (now: number): Promise<string> => {
    let token = '';
    const api = await serve((request, response) => {
      token = String(request.headers[NODE_TOKEN_HEADER]);
      response.end();
    });
    await pictures({ api, now: () => now }).show('t', 'live');
    return token;
  };

  it('holds for its task, for a short time, and for who has the same key', async () => {
    const token = await tokenAt(1_000_000);
    const at = (now: number, key = 'key') => pictures({ now: () => now, key });
    expect(at(1_029_000).vouches(token, 't')).toBe(true);
    expect(at(1_031_000).vouches(token, 't')).toBe(false);
    expect(at(900_000).vouches(token, 't')).toBe(false);
    expect(at(1_000_000).vouches(token, 'other')).toBe(false);
    expect(at(1_000_000, 'another key').vouches(token, 't')).toBe(false);
  });

  it.each(['', '.', 'x.y', '1e6.', `${1_010_000}.`, `${1_010_000}.AAAA`, '9'.repeat(40)])('is not %j', token => {
    expect(pictures().vouches(token, 't')).toBe(false);
  });
});

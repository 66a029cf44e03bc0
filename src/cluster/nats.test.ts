import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { FaultProxy } from '../../test/lab/fault-proxy.ts';
import { NatsServer } from '../../test/lab/nats.ts';
import { Place } from '../../test/lab/place.ts';
import { until } from '../../test/lab/wait.ts';
import { clusterSuite, facts } from './cluster.testsuite.ts';
import { MemoryRows } from './memory-rows.testsuite.ts';
import { namesOf } from './names.ts';
import { openNode, openNodes, pair, presenceOf, serverPort } from './nats-nodes.testsuite.ts';

clusterSuite('NatsCluster', () => openNode());

describe('two nodes', () => {
  it('see each other, and that one has left', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    await until('a sees b', () => presenceOf(a, 'b') === 'present');
    expect(a.isGone('b')).toBe(false);
    await b.close();
    await until('b is gone', () => a.isGone('b'), { timeoutMs: 1_500 });
  });

  it('do not hold the one for gone that hands over to a process that follows', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    await b.close({ isFollowed: true });
    await wait(1_000);
    expect(a.isGone('b')).toBe(false);
  });

  it('do not both have a task', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    const won = await Promise.all([a.claim('task', 1), b.claim('task', 1)]);
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  it('let the newer epoch have it', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    await a.claim('task', 1);
    expect(await b.claim('task', 2)).toBe(true);
    expect(await a.claim('task', 1)).toBe(false);
    await a.release('task', 1);
    expect(await a.claim('task', 2)).toBe(false);
  });

  it('tell each other, and not themselves', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    const heard: unknown[] = [];
    a.hear('news', (message, from) => heard.push(['a', from, message]));
    b.hear('news', (message, from) => heard.push(['b', from, message]));
    await until('it is heard', () => {
      a.say('news', { n: 1 });
      return heard.length > 0;
    });
    expect(heard[0]).toEqual(['b', 'a', { n: 1 }]);
    expect(heard.every(it => Array.isArray(it) && it[0] === 'b')).toBe(true);
  });

  it('ask each other', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    b.answer(async (question, from) => ({ question, from }));
    expect(await a.ask('b', 'who?')).toEqual({ question: 'who?', from: 'a' });
    b.answer(async () => Promise.reject(new Error('not now')));
    await expect(a.ask('b', 'who?')).rejects.toThrow('node b refuses: not now');
    await expect(a.ask('stranger', 'who?')).rejects.toThrow('node stranger does not answer');
  });

  it('keep each to its installation', async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await openNodes(stack, ['a']);
    const [b] = await openNodes(stack, ['b']);
    if (!a || !b) throw new Error('they are there');
    await Promise.all([a.join(facts), b.join(facts)]);
    expect(await a.claim('task', 1)).toBe(true);
    expect(await b.claim('task', 1)).toBe(true);
    expect(a.members.map(({ name }) => name)).toEqual(['a']);
  });

  it('do not let a second one in under a name that lives', async () => {
    await using stack = new AsyncDisposableStack();
    const shared = { installation: randomUUID(), rows: new MemoryRows() };
    const [a] = await openNodes(stack, ['a'], shared);
    await a?.join(facts);
    const memory = { read: () => undefined, write: () => {}, clear: () => {} };
    const other = stack.adopt(await openNode({ ...shared, incarnation: 'other', memory }), it => it.close());
    await expect(other.join(facts)).rejects.toThrow('another node goes by the name a');
  });
});

describe('a server that fails', () => {
  async function ownServer(stack: AsyncDisposableStack): Promise<NatsServer> {
    return stack.use(await NatsServer.open());
  }

  it('is back without anybody losing the lease, with all of its data lost', { timeout: 40_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    const own = await ownServer(stack);
    const [a, b] = await openNodes(stack, ['a', 'b'], { url: own.url });
    if (!a || !b) throw new Error('there are two');
    const leases = await Promise.all([a.join(facts), b.join(facts)]);
    expect(await a.claim('task', 3)).toBe(true);
    await own.kill();
    await until('it is missed', () => !a.isReachable);
    await expect(a.claim('other', 1)).rejects.toThrow('NATS is away');
    await expect(a.offer([{ taskId: 'x', epoch: 0, region: 'r' }])).rejects.toThrow('NATS is away');
    a.say('news', 1);
    own.wipe();
    await wait(6_000);
    expect(a.isGone('b')).toBe(false);
    await own.restart();
    await until('it is back', () => a.isReachable && b.isReachable);
    await until('b can claim', () => b.claim('another', 1).catch(() => false));
    const taken: string[] = [];
    stack.defer(b.serve({ room: () => 10, take: async ({ taskId }) => void taken.push(taskId) }));
    await until('a can offer', () => a.offer([{ taskId: 'x', epoch: 0, region: 'r' }]).then(() => true));
    await until('it is taken', () => taken.includes('x'));
    await until('the claim is back', async () => !(await b.claim('task', 2)), { timeoutMs: 15_000 });
    expect(leases.every(({ signal }) => !signal.aborted)).toBe(true);
    await until('they see each other', () => presenceOf(a, 'b') === 'present');
    await b.close();
    await until('b is gone', () => a.isGone('b'));
  });

  it('is not waited for, when the link to it is cut without a word', { timeout: 40_000 }, async () => {
    await using place = new Place();
    await using stack = new AsyncDisposableStack();
    const proxy = await FaultProxy.start(place, { to: serverPort() });
    const [a] = await openNodes(stack, ['a'], { url: `nats://127.0.0.1:${proxy.port}` });
    const lease = await a?.join(facts);
    proxy.sever();
    const from = performance.now();
    await expect(a?.claim('task', 1)).rejects.toThrow();
    expect(performance.now() - from).toBeLessThan(3_000);
    await until('it is missed', () => a?.isReachable === false);
    await wait(6_000);
    expect(lease?.signal.aborted).toBe(false);
    proxy.heal();
    proxy.reset();
    await until('it is back', () => a?.isReachable);
    await until('it works', () => a?.claim('task', 1).catch(() => false));
  });

  it('costs a node that is cut off its lease, before any other holds it for gone', { timeout: 30_000 }, async () => {
    await using place = new Place();
    await using stack = new AsyncDisposableStack();
    const proxy = await FaultProxy.start(place, { to: serverPort() });
    const shared = { installation: randomUUID(), rows: new MemoryRows() };
    const ownRoad = { isAway: false };
    const [a, c] = await openNodes(stack, ['a', 'c'], shared);
    const url = `nats://127.0.0.1:${proxy.port}`;
    const rows = shared.rows.over(ownRoad);
    const [b] = await openNodes(stack, ['b'], { installation: shared.installation, url, rows });
    if (!a || !b || !c) throw new Error('there are three');
    const [, lease] = await Promise.all([a.join(facts), b.join(facts), c.join(facts)]);
    await until('a sees b', () => presenceOf(a, 'b') === 'present' && presenceOf(c, 'b') === 'present');
    const from = performance.now();
    let lostMs = 0;
    lease?.signal.addEventListener('abort', () => {
      lostMs = performance.now() - from;
    });
    proxy.sever();
    ownRoad.isAway = true;
    await until('b is gone', () => a.isGone('b') && c.isGone('b'));
    const goneMs = performance.now() - from;
    console.log(
      `lease of 5 s: lost after ${Math.round(lostMs)} ms, gone for the others after ${Math.round(goneMs)} ms`,
    );
    expect(lostMs).toBeGreaterThan(0);
    expect(goneMs).toBeGreaterThan(lostMs);
    expect(goneMs).toBeLessThan(4_500);
  });

  it('ends the lease when the database is away as well, after half of its time to live', async () => {
    await using stack = new AsyncDisposableStack();
    const own = await ownServer(stack);
    const rows = new MemoryRows();
    const [a] = await openNodes(stack, ['a'], { url: own.url, rows });
    const lease = await a?.join(facts);
    rows.isAway = true;
    const from = performance.now();
    await own.kill();
    await until('it is lost', () => lease?.signal.aborted);
    expect(performance.now() - from).toBeLessThan(2_800);
    expect(a?.members).toEqual([]);
  });
});

describe('what cannot be used', () => {
  it('is named without its password when nothing listens there', async () => {
    const opening = openNode({ url: 'nats://user:s3cret@127.0.0.1:1' });
    await expect(opening).rejects.toThrow(/^NATS at nats:\/\/127\.0\.0\.1:1 cannot be used: connect ECONNREFUSED/);
    await expect(opening).rejects.not.toThrow('s3cret');
  });

  it('is named when it has no JetStream', async () => {
    await using bare = await NatsServer.open({ jetStream: false });
    await expect(openNode({ url: bare.url })).rejects.toThrow('has no JetStream for us');
  });

  it.each([
    ['says nothing', () => {}],
    ['speaks of something else', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('is named when it %s', async (_, greet) => {
    const sockets: Socket[] = [];
    const silent = createServer(socket => {
      sockets.push(socket);
      greet(socket);
    });
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const from = performance.now();
    await expect(openNode({ url: `nats://127.0.0.1:${port}` })).rejects.toMatchObject({ name: 'ClusterFault' });
    expect(performance.now() - from).toBeLessThan(5_000);
    await until('nothing is left open', () => sockets.every(({ closed }) => closed));
    silent.close();
  });
});

describe('strangers on our subjects', () => {
  const NASTY = [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"from":1}',
    '{"from":"x"}',
    '{"beat":{}}',
    '\u0000\u00ff',
    '9'.repeat(5_000),
  ];

  it('are not understood, and nobody stumbles over them', { timeout: 30_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    const installation = randomUUID();
    const names = namesOf(installation);
    const [a, b] = await pair(stack, { installation });
    const taken: string[] = [];
    stack.defer(b.serve({ room: () => 10, take: async ({ taskId }) => void taken.push(taskId) }));
    a.hear('news', message => {
      if (message !== 1) throw new Error('what is that?');
    });
    await a.claim('task', 1);
    await a.offer([{ taskId: 'first', epoch: 0, region: 'r' }]);
    await until('it is taken', () => taken.length === 1);
    const stranger = await connect({ servers: `127.0.0.1:${serverPort()}` });
    stack.defer(() => stranger.close());
    const subjects = [names.say('news'), names.ask('a'), names.pass('b'), names.full(), names.offer('r')];
    const keys = [`$KV.${names.nodes}.stranger`, `$KV.${names.nodes}.a`, `$KV.${names.claims}.task`];
    for (const text of NASTY) for (const subject of [...subjects, ...keys]) stranger.publish(subject, text);
    await stranger.flush();
    await a.offer([{ taskId: 'last', epoch: 0, region: 'r' }]);
    await until('offers go on', () => taken.includes('last'));
    await until('claims go on', () => a.claim('task', 2).catch(() => false));
    await until('they see each other', () => presenceOf(a, 'b') === 'present' && presenceOf(b, 'a') === 'present');
    expect(taken).toEqual(['first', 'last']);
  });
});

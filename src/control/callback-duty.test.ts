import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CallbackDuty } from './callback-duty.ts';
import type { Callbacks } from './callbacks.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

const HOOK = 'http://hooks.example/in';

/** Two nodes over one store, who hear each other. */
class Node {
  readonly duty: CallbackDuty;
  readonly posted: string[];
  readonly said: unknown[] = [];
  hear: (message: unknown) => void = () => {};
  next: Node | undefined;

  constructor(room: Rehearsal, posted: string[], status: () => number) {
    this.posted = posted;
    const build = (): Callbacks =>
      room.callbacks(async ({ body }) => {
        posted.push(body);
        return { status: status() };
      });
    this.duty = new CallbackDuty({
      build,
      store: room.store,
      cluster: {
        say: (_, message) => {
          this.said.push(message);
          this.next?.hear(message);
        },
        hear: (_, hearing) => {
          this.hear = message => hearing(message, 'other');
          return () => {};
        },
      },
    });
  }
}

describe('callbacks as a duty', () => {
  let room: Rehearsal;
  let posted: string[];
  let status: number;
  let [one, other]: Node[] = [];
  const nodes = (): readonly [Node, Node] => {
    if (one === undefined || other === undefined) throw new Error('there are no nodes');
    return [one, other];
  };
  beforeEach(async () => {
    status = 200;
    posted = [];
    room = await rehearse({
      render: event =>
        event.type === 'claimed' ? undefined : { contentType: 'application/json', body: `${event.seq} ${event.type}` },
    });
    one = new Node(room, posted, () => status);
    other = new Node(room, posted, () => status);
    one.next = other;
    other.next = one;
  });
  afterEach(async () => {
    await Promise.all(nodes().map(({ duty }) => duty.close()));
    await room.close();
  });

  const make = () => room.tasks.create(OWNER, room.spec({ callback: { url: HOOK, events: [] } }));
  const pass = (ms: number) => room.clock.pass(ms, 50, 4);

  it('sends nothing before it is begun, and all of it then', async () => {
    const [a] = nodes();
    await make();
    await pass(2_000);
    expect(posted).toEqual([]);
    a.duty.begin();
    await pass(1_000);
    expect(posted).toEqual(['1 created']);
  });

  it('goes on elsewhere in the same order, and sends nothing twice that was taken', async () => {
    const [a, b] = nodes();
    a.duty.begin();
    const { id } = await make();
    await pass(1_000);
    await a.duty.end();
    await room.tasks.change(OWNER, id, { name: 'another' });
    await room.tasks.change(OWNER, id, { enabled: false });
    await pass(1_000);
    b.duty.begin();
    await pass(1_000);
    expect(posted).toEqual(['1 created', '2 changed', '3 stopped']);
  });

  it('tries one for its caller, on duty or not', async () => {
    const [a] = nodes();
    const call = {
      accountId: OWNER.accountId,
      url: HOOK,
      body: { contentType: 'application/json', body: '{}' },
      id: 'x',
    };
    expect(await a.duty.test(call)).toMatchObject({ status: 200 });
    expect(posted).toEqual(['{}']);
  });

  it('has the one who sends look at once, and resume, whichever node is asked', async () => {
    const [a, b] = nodes();
    b.duty.begin();
    status = 500;
    await make();
    await pass(1_000);
    const tries = posted.length;
    const [failing] = await room.store.endpoints(OWNER.accountId);
    status = 200;
    expect(await a.duty.resume(OWNER.accountId, failing?.id ?? '')).toBe(true);
    expect(await a.duty.resume(OWNER.accountId, 'no such receiver')).toBe(false);
    await pass(1_000);
    expect(await room.store.endpoints(OWNER.accountId)).toEqual([]);
    a.duty.wake();
    expect(a.said).toEqual([{ resume: { accountId: OWNER.accountId, endpointId: failing?.id } }, { wake: true }]);
    expect(posted.length).toBeGreaterThanOrEqual(tries);
  });

  it('passes over what a newer version says that it does not know', async () => {
    const [a] = nodes();
    a.duty.begin();
    for (const message of [null, 'wake', { resume: 'all' }, { resume: { accountId: 1 } }, { pause: true, wake: true }])
      a.hear(message);
    await make();
    await pass(1_000);
    expect(posted).toEqual(['1 created']);
  });
});

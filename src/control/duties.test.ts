import { afterEach, describe, expect, it, vi } from 'vitest';
import { Duties } from './duties.ts';
import { FakeClock } from './rehearsal.testsuite.ts';

const LEASE_MS = 10_000;

/** A table of duties with the database's clock, which may be out of reach of some. */
class Table {
  readonly clock: FakeClock;
  row: { incarnation: string; at: number } | undefined;
  readonly cut = new Set<string>();
  /** Whose calls are not answered. */
  readonly hung = new Set<string>();

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  async takeDuty({ incarnation, staleMs }: { incarnation: string; staleMs: number }): Promise<boolean> {
    if (this.cut.has(incarnation)) throw new Error('the database is away');
    const now = this.clock.now();
    const isOurs = this.row === undefined || this.row.incarnation === incarnation || now - this.row.at >= staleMs;
    if (isOurs) this.row = { incarnation, at: now };
    if (this.hung.has(incarnation)) await new Promise(() => {});
    return isOurs;
  }

  async leaveDuty(_: string, incarnation: string): Promise<void> {
    if (this.row?.incarnation === incarnation) this.row = undefined;
  }
}

const opened: Duties[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(duties => duties.close()));
});

function nodeOf(table: Table, name: string, log: string[]): Duties {
  const { clock } = table;
  const tell = (what: string) => log.push(`${what} ${name} ${Math.round(clock.elapsed() / 1000)}`);
  const duties = new Duties({
    ...{ store: table, node: name, incarnation: name, leaseMs: LEASE_MS, sinceBoot: clock.elapsed, sleep: clock.sleep },
    duties: [{ name: 'callbacks', begin: () => tell('begin'), end: async () => void tell('end') }],
    log: () => {},
  });
  opened.push(duties);
  return duties;
}

async function run(clock: FakeClock, ms: number): Promise<void> {
  await clock.pass(ms, 50, 2);
}

describe('a duty', () => {
  it('is begun at once where there is nobody else, and ends with the node', async () => {
    const { sleep, elapsed } = new FakeClock();
    const [begin, end] = [vi.fn(), vi.fn(async () => {})];
    const duties = new Duties({
      ...{ node: 'a', incarnation: 'a', leaseMs: LEASE_MS, sinceBoot: elapsed, sleep, log: () => {} },
      duties: [{ name: 'callbacks', begin, end }],
    });
    duties.start();
    expect([begin.mock.calls.length, duties.held]).toEqual([1, ['callbacks']]);
    await duties.close();
    expect(end).toHaveBeenCalledOnce();
  });

  it('is done by one node at a time', async () => {
    const log: string[] = [];
    const table = new Table(new FakeClock());
    const nodes = ['a', 'b', 'c'].map(name => nodeOf(table, name, log));
    for (const node of nodes) node.start();
    await run(table.clock, 30_000);
    expect(log).toEqual(['begin a 0']);
    expect(nodes.map(({ held }) => held.length)).toEqual([1, 0, 0]);
  });

  it('goes to another node within 8 s when its node has died', async () => {
    const log: string[] = [];
    const table = new Table(new FakeClock());
    nodeOf(table, 'b', log);
    await table.takeDuty({ incarnation: 'a', staleMs: 0 });
    const [b] = opened;
    b?.start();
    await run(table.clock, 8_000);
    expect(log).toHaveLength(1);
    expect(b?.held).toEqual(['callbacks']);
  });

  it('is given up before another begins, by a node that does not reach the database', async () => {
    const log: string[] = [];
    const table = new Table(new FakeClock());
    const [a, b] = ['a', 'b'].map(name => nodeOf(table, name, log));
    a?.start();
    await run(table.clock, 1_000);
    b?.start();
    await run(table.clock, 4_000);
    table.cut.add('a');
    await run(table.clock, 10_000);
    expect(log.map(line => line.replace(/ \d+$/, ''))).toEqual(['begin a', 'end a', 'begin b']);
  });

  it('is given up by a node whose calls are taken and not answered', async () => {
    const log: string[] = [];
    const table = new Table(new FakeClock());
    const a = nodeOf(table, 'a', log);
    a.start();
    await run(table.clock, 1_000);
    table.hung.add('a');
    await run(table.clock, 6_000);
    expect(a.held).toEqual([]);
  });

  it('is asked for seldom where it can wait', async () => {
    const clock = new FakeClock();
    const takeDuty = vi.fn(async () => false);
    const duties = new Duties({
      ...{ store: { takeDuty, leaveDuty: async () => {} }, node: 'a', incarnation: 'a', leaseMs: LEASE_MS },
      ...{ sinceBoot: clock.elapsed, sleep: clock.sleep, log: () => {} },
      duties: [{ name: 'housekeeping', canWait: true, begin: () => {}, end: async () => {} }],
    });
    opened.push(duties);
    duties.start();
    await run(clock, 30_000);
    expect(takeDuty.mock.calls.length).toBeLessThanOrEqual(4);
  });

  it('is left at once by a node that closes', async () => {
    const log: string[] = [];
    const table = new Table(new FakeClock());
    const [a, b] = ['a', 'b'].map(name => nodeOf(table, name, log));
    a?.start();
    await run(table.clock, 1_000);
    b?.start();
    await a?.close();
    await run(table.clock, 1_500);
    expect(log.map(line => line.replace(/ \d+$/, ''))).toEqual(['begin a', 'end a', 'begin b']);
  });

  it('comes back to a node that has been away from the database', async () => {
    const log: string[] = [];
    const table = new Table(new FakeClock());
    const a = nodeOf(table, 'a', log);
    a.start();
    table.cut.add('a');
    await run(table.clock, 20_000);
    table.cut.delete('a');
    await run(table.clock, 2_000);
    expect(a.held).toEqual(['callbacks']);
  });
});

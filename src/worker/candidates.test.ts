import { describe, expect, it } from 'vitest';
import { Fault, type FaultKind } from '../media/fault.ts';
import { type Candidate, Candidates } from './candidates.ts';

const failure = (kind: FaultKind = 'closed', healthyMs = 0) => ({ fault: new Fault('pull', kind, kind), healthyMs });
const at = (nowMs: number) => ({ nowMs, random01: 0 });
const made = (...urls: string[]): Candidates => new Candidates(urls.map(url => `rtmp://${url}/live/key`));
const hostOf = (candidate: Candidate | undefined): string | undefined => candidate?.url.slice(7, 8);

describe('candidates', () => {
  it('are tried in their order, each once, before anybody has a second turn', () => {
    const all = made('a', 'b', 'c');
    const tried: (string | undefined)[] = [];
    let nowMs = 0;
    for (let i = 0; i < 6; i++) {
      const next = all.next(nowMs);
      nowMs += next?.restMs(nowMs) ?? 0;
      tried.push(hostOf(next));
      next?.fail(failure(), at(nowMs));
    }
    expect(tried).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('have a back-off each', () => {
    const all = made('a', 'b');
    for (let i = 0; i < 5; i++) all.at(0)?.fail(failure('refused'), at(0));
    all.at(1)?.fail(failure(), at(0));
    expect(hostOf(all.next(0))).toBe('b');
    expect(all.at(1)?.restMs(0)).toBe(250);
    expect(all.at(0)?.restMs(0)).toBe(4_000);
    expect(all.at(0)?.restMs(4_000)).toBe(0);
  });

  it('know when all of them have failed, and forget it when media flows', () => {
    const all = made('a', 'b');
    const [a, b] = [all.at(0) as Candidate, all.at(1) as Candidate];
    a.fail(failure(), at(0));
    expect(all.haveAllFailed).toBe(false);
    b.fail(failure(), at(0));
    expect(all.haveAllFailed).toBe(true);
    all.endRound({ ms: 250, plannedMs: 250, nowMs: 0 });
    expect(all.haveAllFailed).toBe(false);
    b.fail(failure(), at(0));
    a.fail(failure(), at(0));
    all.flow(b);
    expect(all.haveAllFailed).toBe(false);
  });

  it('rest all alike where a policy says how long', () => {
    const all = made('a', 'b');
    for (const index of [0, 1]) all.at(index)?.fail(failure(), at(0));
    all.endRound({ ms: 60_000, plannedMs: 250, nowMs: 1_000 });
    expect([0, 1].map(index => all.at(index)?.restMs(1_000))).toEqual([60_000, 60_000]);
  });

  it('are tried at once when the source on air fails, though they could not be had beside it', () => {
    const all = made('a', 'b');
    for (let i = 0; i < 4; i++) all.at(1)?.failBeside(failure().fault, at(0));
    expect(all.at(1)?.restBesideMs(0)).toBe(2_000);
    all.at(0)?.fail(failure(), at(0));
    expect(hostOf(all.next(0))).toBe('b');
    all.flow(all.at(1) as Candidate);
    expect(all.at(1)?.restBesideMs(0)).toBe(0);
  });

  it('keep what is known of those that stay over a change', () => {
    const all = made('a', 'b');
    const b = all.at(1) as Candidate;
    b.fail(failure(), at(0));
    all.preferred = 1;
    all.change(['rtmp://n/live/key', 'rtmp://b/live/key', 'rtmp://b/live/key']);
    expect(all.count).toBe(3);
    expect(all.at(1)).toBe(b);
    expect(all.at(2)).not.toBe(b);
    expect(all.preferred).toBe(0);
  });

  it('prefer who was asked for by hand', () => {
    const all = made('a', 'b', 'c');
    all.preferred = 2;
    expect(hostOf(all.next(0))).toBe('c');
    expect(hostOf(all.beside(all.at(2) as Candidate))).toBe('a');
  });

  it('say why none can be pulled, of many the first', () => {
    const one = made('a');
    one.at(0)?.fail(failure('refused'), at(0));
    expect(one.reason()).toBe('refused');
    const many = made('a', 'b', 'c', 'd', 'e');
    for (const index of [0, 1]) many.at(index)?.fail(failure(), at(0));
    expect(many.reason()).toBe(
      'no source can be pulled; the source: closed; standby 1: closed; standby 2: not tried; and 2 more',
    );
    expect(many.at(0)?.address).not.toContain('key');
  });
});

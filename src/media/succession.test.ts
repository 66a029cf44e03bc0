import { beforeEach, describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import type { Batch, PacketKind, Sink, Source } from './packet.ts';
import { Relay } from './relay.ts';
import { SUCCEEDED } from './succession.ts';

type Given = readonly [kind: PacketKind, dtsMs: number];

class Script implements Source {
  readonly bytesIn = 0;
  queue: Given[] = [];

  read(into: Batch): void {
    for (const [kind, dtsMs] of this.queue.splice(0)) {
      const packet = into.next();
      packet.reset(kind, dtsMs);
      packet.addSpan(Buffer.from(kind), 0, kind.length);
    }
  }

  close(): void {}
}

class Recorder implements Sink {
  readonly got: string[] = [];
  readonly drops = { disposable: 0, untilKey: 0 };
  readonly queuedMs = 0;
  readonly queuedBytes = 0;
  readonly bytesOut = 0;
  flowing = false;
  writes = 0;
  fault: Fault | undefined;

  write(batch: Batch): void {
    this.writes++;
    if (this.fault !== undefined) throw this.fault;
    for (const { kind, dtsMs } of batch.packets.slice(0, batch.count)) {
      this.got.push(`${kind} ${dtsMs}`);
      this.flowing ||= kind === 'key' || kind === 'audio';
    }
  }

  async close(): Promise<void> {}
}

let nowMs: number;
let relay: Relay;
let source: Script;
let first: Recorder;
let second: Recorder;
let left: Promise<Fault>;
const { signal } = new AbortController();

function tick(...given: Given[]): void {
  source.queue.push(...given);
  nowMs += 50;
  relay.tick();
}

beforeEach(() => {
  nowMs = 0;
  relay = new Relay({ now: () => nowMs });
  [source, first, second] = [new Script(), new Recorder(), new Recorder()];
  void relay.pull(source, signal);
  left = relay.push(first, signal);
});

describe('a sink that another follows', () => {
  it('is given all that lies before a key frame, and the other the headers and the rest', async () => {
    tick(['videoHeader', 0], ['audioHeader', 0], ['key', 0], ['inter', 40]);
    void relay.pushNext(second, signal);
    tick(['inter', 80], ['audio', 90]);
    tick(['inter', 120], ['audio', 125], ['key', 160], ['audio', 165], ['inter', 200], ['key', 240]);
    tick(['inter', 280]);
    expect(await left).toBe(SUCCEEDED);
    expect(first.got.slice(-4)).toEqual(['inter 80', 'audio 90', 'inter 120', 'audio 125']);
    const headers = ['videoHeader 160', 'audioHeader 160'];
    expect(second.got).toEqual([...headers, 'key 160', 'audio 165', 'inter 200', 'key 240', 'inter 280']);
  });

  it('is followed by one to come, for which all is kept over several groups', async () => {
    tick(['key', 0]);
    relay.part(signal);
    tick(['inter', 40], ['key', 80], ['inter', 120]);
    expect(await left).toBe(SUCCEEDED);
    tick(['key', 160], ['inter', 200]);
    tick(['key', 240]);
    void relay.push(second, signal);
    tick(['inter', 280]);
    expect(first.got).toEqual(['key 0', 'inter 40']);
    expect(second.got).toEqual(['key 80', 'inter 120', 'key 160', 'inter 200', 'key 240', 'inter 280']);
  });

  it('is followed at any frame where there is sound alone', async () => {
    for (let dtsMs = 0; dtsMs < 1_100; dtsMs += 50) tick(['audio', dtsMs]);
    relay.part(signal);
    tick(['audio', 1_100]);
    expect(await left).toBe(SUCCEEDED);
    tick(['audio', 1_150]);
    void relay.push(second, signal);
    tick(['audio', 1_200]);
    expect([first.got.length > 0, second.got.length]).toEqual([true, 3]);
  });

  it('goes on where the other has ended before, which has been served', async () => {
    tick(['key', 0]);
    const next = relay.pushNext(second, signal);
    tick(['inter', 40]);
    expect(second.writes).toBe(1);
    second.fault = new Fault('push', 'closed', 'changed its mind');
    tick(['inter', 80]);
    tick(['key', 120]);
    expect((await next).message).toBe('changed its mind');
    expect(first.got).toEqual(['key 0', 'inter 40', 'inter 80', 'key 120']);
  });

  it('goes on where that is called off', () => {
    const call = new AbortController();
    tick(['key', 0]);
    relay.part(call.signal);
    call.abort();
    tick(['key', 40]);
    expect(first.got).toEqual(['key 0', 'key 40']);
  });

  it('leaves its last group to the other when it ends before its time', async () => {
    tick(['key', 0]);
    const kept = relay.keepGroup(signal);
    tick(['inter', 40], ['key', 80], ['inter', 120]);
    await kept;
    first.fault = new Fault('push', 'closed', 'thrown out');
    tick(['inter', 160]);
    expect((await left).message).toBe('thrown out');
    tick(['key', 200]);
    void relay.push(second, signal);
    tick(['inter', 240]);
    expect(second.got).toEqual(['key 80', 'inter 120', 'inter 160', 'key 200', 'inter 240']);
  });
});

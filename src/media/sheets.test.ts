import { describe, expect, it } from 'vitest';
import { spareBuffers } from './bytes.ts';
import { Batch, type PacketKind } from './packet.ts';
import { Sheets } from './sheets.ts';

const sheet = (): Buffer => Buffer.alloc(64 * 1024);

function batchOf(...packets: readonly (readonly [PacketKind, Buffer])[]): Batch {
  const batch = new Batch();
  for (const [kind, buffer] of packets) {
    const packet = batch.next();
    packet.reset(kind, 0);
    packet.addSpan(buffer, 0, 10);
  }
  return batch;
}

/** Whether the buffer is the next to be taken. */
function isBack(buffer: Buffer): boolean {
  const taken = spareBuffers.take(buffer.length);
  if (taken !== buffer) spareBuffers.giveBack(taken);
  return taken === buffer;
}

describe('the sheets under packets', () => {
  it('go back once all that was cut from them has been used and the next is cut from', () => {
    const [one, two] = [sheet(), sheet()];
    const sheets = new Sheets();
    sheets.made(batchOf(['key', one], ['inter', one], ['inter', two]));
    sheets.given(batchOf(['key', one]), 0);
    sheets.release();
    expect(isBack(one)).toBe(false);
    sheets.given(batchOf(['inter', one]), 0);
    expect(isBack(one)).toBe(false);
    sheets.release();
    expect(isBack(one)).toBe(true);
  });

  it('stay while more may be cut from them', () => {
    const [one, two] = [sheet(), sheet()];
    const sheets = new Sheets();
    sheets.made(batchOf(['key', one]));
    sheets.given(batchOf(['key', one]), 0);
    sheets.release();
    expect(isBack(one)).toBe(false);
    sheets.made(batchOf(['inter', two]));
    sheets.release();
    expect(isBack(one)).toBe(true);
  });

  it('stay while the other track has not gone on from them', () => {
    const [one, two] = [sheet(), sheet()];
    const sheets = new Sheets();
    sheets.made(batchOf(['key', one], ['audio', one], ['inter', two]));
    sheets.given(batchOf(['key', one], ['audio', one]), 0);
    sheets.release();
    expect(isBack(one)).toBe(false);
    sheets.made(batchOf(['audio', two]));
    sheets.release();
    expect(isBack(one)).toBe(true);
  });

  it('do not count codec headers, which have bytes of their own', () => {
    const sheets = new Sheets();
    const header = sheet();
    sheets.made(batchOf(['videoHeader', header]));
    sheets.given(batchOf(['videoHeader', header]), 0);
    sheets.release();
    expect(isBack(header)).toBe(false);
  });
});

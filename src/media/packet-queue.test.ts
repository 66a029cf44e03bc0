import { expect, it } from 'vitest';
import { Batch, Packet } from './packet.ts';
import { PacketQueue } from './packet-queue.ts';

/** A packet of so many bytes, all of the given value, in two spans. */
function packetOf(value: number, size: number): Packet {
  const packet = new Packet();
  packet.reset('inter', value);
  const bytes = Buffer.alloc(size, value);
  packet.addSpan(bytes, 0, Math.floor(size / 3));
  packet.addSpan(bytes, Math.floor(size / 3), size);
  return packet;
}

it('gives back in order what was put in, whatever its size, while the source of the bytes is used again', () => {
  const queue = new PacketQueue();
  const sizes = Array.from({ length: 500 }, (_, i) => (i * 7_919) % 150_000);
  const out = new Batch();
  const seen: number[] = [];
  let [put, expected] = [0, 0];
  while (seen.length < sizes.length) {
    for (let i = 0; i < 7 && put < sizes.length; i++, put++) {
      const packet = packetOf(put % 251, sizes[put] as number);
      queue.append(packet, put);
      packet.buffers[0]?.fill(255);
    }
    out.clear();
    for (let i = 0; i < 5 && queue.length > 0; i++) queue.shift(out);
    for (const packet of out.packets.slice(0, out.count)) {
      const payload = packet.copyPayload();
      expect(payload.length).toBe(sizes[expected]);
      expect(payload.every(byte => byte === expected % 251)).toBe(true);
      seen.push(expected++);
    }
  }
  expect(queue.bytes).toBe(0);
  expect(queue.first).toBeUndefined();
});

it('knows how much waits, and since when', () => {
  const queue = new PacketQueue();
  expect(queue.firstAtMs).toBeUndefined();
  queue.append(packetOf(1, 100), 10);
  queue.append(packetOf(2, 50), 20);
  expect([queue.length, queue.bytes, queue.firstAtMs]).toEqual([2, 150, 10]);
  queue.shift();
  expect([queue.length, queue.bytes, queue.firstAtMs, queue.first?.dtsMs]).toEqual([1, 50, 20, 2]);
});

it('takes no more memory in a steady flow than what waits in it', () => {
  const queue = new PacketQueue();
  const packet = packetOf(7, 30_000);
  for (let i = 0; i < 20; i++) queue.append(packet, i);
  const buffers = new Set<Buffer>();
  const out = new Batch();
  for (let i = 0; i < 2_000; i++) {
    queue.append(packet, i);
    out.clear();
    queue.shift(out);
    for (const buffer of (out.packets[0] as Packet).buffers) buffers.add(buffer);
  }
  expect(buffers.size).toBeLessThan(20);
});

it('can be filled again after it was let go', () => {
  const queue = new PacketQueue();
  for (let i = 0; i < 300; i++) queue.append(packetOf(i % 251, 1_000), i);
  queue.release();
  expect([queue.length, queue.bytes]).toEqual([0, 0]);
  queue.append(packetOf(9, 1_000), 1);
  expect(queue.first?.copyPayload()).toEqual(Buffer.alloc(1_000, 9));
});

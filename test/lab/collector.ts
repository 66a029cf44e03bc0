import { Dialler } from '../../src/media/net.ts';
import { openSource } from '../../src/media/open.ts';
import { Batch } from '../../src/media/packet.ts';
import { type Kept, keep } from './packets.ts';
import type { Place } from './place.ts';
import { pass } from './wait.ts';

/** Keeps everything that nginx plays, until it ends. */
export async function keepAll(place: Place, url: string): Promise<{ kept: Kept[]; ended: Promise<void> }> {
  const stop = place.own(new AbortController(), it => it.abort());
  const source = place.own(
    await openSource(url, { dialler: new Dialler({ preset: 'lab' }), signal: stop.signal }),
    it => it.close(),
  );
  const kept: Kept[] = [];
  const batch = new Batch();
  const read = async (): Promise<void> => {
    for (;;) {
      batch.clear();
      try {
        source.read(batch);
      } catch {
        return;
      }
      for (const packet of batch.packets.slice(0, batch.count)) kept.push(keep(packet));
      await pass(10);
    }
  };
  return { kept, ended: read() };
}

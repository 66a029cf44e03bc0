import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sampleAsset } from '../store/assets.testsuite.ts';
import type { RunCover } from '../worker/channel.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

/** What orders say of that which stands in for a source. */

const COVER: RunCover = { warm: true, delayMs: 3_000, slate: 'asset://slate' };
const STANDBY = ['rtmp://standby.example/live/a', 'rtmp://standby.example/live/b'];

describe('an order', () => {
  let room: Rehearsal;
  const slates = () => room.orders.map(({ cover }) => cover?.slate);
  const ordered = (count: number) => vi.waitFor(() => expect(room.orders).toHaveLength(count));

  beforeEach(async () => {
    room = await rehearse({ cover: COVER });
  });
  afterEach(() => room.close());

  it('names the standbys of a task, and is given again when they change', async () => {
    const task = await room.onAir({ standby: STANDBY });
    await room.tasks.change(OWNER, task.id, { standby: STANDBY.slice(1) });
    await ordered(2);
    expect(room.orders.map(({ source }) => source)).toMatchObject([
      { kind: 'live', standby: STANDBY },
      { kind: 'live', standby: STANDBY.slice(1) },
    ]);
  });

  it('says how the installation covers for a source, and where its slate lies', async () => {
    await room.store.putAsset(sampleAsset({ id: 'slate', url: 'media://slate.mp4', accountId: OWNER.accountId }));
    await room.onAir();
    expect(room.orders[0]?.cover).toEqual({ ...COVER, slate: 'media://slate.mp4' });
  });

  it('has the last pictures held where the account has no such asset, until it has', async () => {
    await room.onAir();
    expect(slates()).toEqual(['hold']);
    await room.store.putAsset(sampleAsset({ id: 'slate', url: 'media://slate.mp4', accountId: OWNER.accountId }));
    for (let tick = 0; tick < 8; tick++) await room.scheduler.tick();
    await ordered(2);
    expect(slates()).toEqual(['hold', 'media://slate.mp4']);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Asset } from '../task/asset.ts';
import { CANARY, NOW } from './sample.ts';
import type { OpenedStore } from './store.testsuite.ts';
import type { Store } from './store.ts';

export const sampleAsset = (change: Partial<Asset> = {}): Asset => ({
  id: 'film',
  accountId: 'default',
  url: `https://files.example/film.mp4?sign=${CANARY}`,
  createdAt: NOW,
  probe: { durationMs: 4_000, keyFrames: { count: 4, longestGapMs: 1_000 }, notes: [] },
  ...change,
});

/** What every Store keeps to with media assets. */
export function assetSuite(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} as a store of assets`, () => {
    let opened: OpenedStore;
    let store: Store;
    let other: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      other = await opened.reopen();
    });
    afterEach(async () => {
      await store.close();
      await other.close();
    });

    it('gives an asset back as it was added, in another process too', async () => {
      const asset = sampleAsset();
      expect(await store.addAsset(asset)).toBe(true);
      expect(await other.asset('default', 'film')).toEqual(asset);
    });

    it('keeps an id that needs spelling, and an asset that nobody has probed', async () => {
      const asset = sampleAsset({ id: '片头/1 % ?', probe: null });
      await store.putAsset(asset);
      expect(await store.asset('default', asset.id)).toEqual(asset);
    });

    it('does not add an id twice, and leaves the one that stands alone', async () => {
      const asset = sampleAsset();
      await store.addAsset(asset);
      expect(await store.addAsset({ ...asset, url: 'media://other.mp4' })).toBe(false);
      expect(await store.asset('default', 'film')).toEqual(asset);
    });

    it('puts another address and probe in place, and keeps when it was made', async () => {
      await store.addAsset(sampleAsset());
      await store.putAsset(sampleAsset({ url: 'media://other.mp4', probe: null, createdAt: NOW + 1 }));
      expect(await store.assets()).toEqual([sampleAsset({ url: 'media://other.mp4', probe: null })]);
    });

    it('lists them by account and age', async () => {
      const [first, second] = [sampleAsset({ id: 'b' }), sampleAsset({ id: 'a', createdAt: NOW + 1 })];
      const foreign = sampleAsset({ accountId: 'acme' });
      for (const asset of [second, foreign, first]) await store.addAsset(asset);
      expect(await store.assets()).toEqual([foreign, first, second]);
      expect(await store.assets('default')).toEqual([first, second]);
      expect(await store.assets('nobody')).toEqual([]);
    });

    it('does not know one account`s asset in another', async () => {
      await store.addAsset(sampleAsset());
      expect(await store.asset('acme', 'film')).toBeUndefined();
      expect(await store.removeAsset('acme', 'film')).toBe(false);
      expect(await store.addAsset(sampleAsset({ accountId: 'acme' }))).toBe(true);
    });

    it('removes an asset once', async () => {
      await store.addAsset(sampleAsset());
      expect(await store.removeAsset('default', 'film')).toBe(true);
      expect(await store.removeAsset('default', 'film')).toBe(false);
      expect(await store.asset('default', 'film')).toBeUndefined();
    });

    it('lets the assets of an account go with it', async () => {
      await store.addAccount({ id: 'acme', createdAt: NOW, live: true });
      await store.addAsset(sampleAsset({ accountId: 'acme' }));
      await store.addAsset(sampleAsset());
      await store.removeAccount('acme');
      expect((await store.assets()).map(({ accountId }) => accountId)).toEqual(['default']);
    });

    it('raises its revision with each change and with nothing else, for every process', async () => {
      const seen = [await other.assetsRevision()];
      const look = async (act: () => Promise<unknown>): Promise<void> => {
        await act();
        seen.push(await other.assetsRevision());
      };
      await look(() => store.addAsset(sampleAsset()));
      await look(() => store.addAsset(sampleAsset()));
      await look(() => store.putAsset(sampleAsset({ probe: null })));
      await look(() => store.removeAsset('default', 'nobody'));
      await look(() => store.checkWritable());
      await look(() => store.removeAsset('default', 'film'));
      expect(seen).toEqual([0, 1, 1, 2, 2, 2, 3]);
    });
  });
}

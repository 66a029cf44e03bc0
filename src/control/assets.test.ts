import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Probe } from '../task/asset.ts';
import { Assets, type AssetWish } from './assets.ts';

const PROBE: Probe = { durationMs: 4_000, keyFrames: { count: 4, longestGapMs: 1_000 }, notes: [] };
const URL_A = 'https://files.example/a.mp4?sign=canary';

let folder: string;
let store: Store;
let probed: string[];
let broken: Error | undefined;
let assets: Assets;
const add = (wish: Partial<AssetWish> = {}) => assets.add({ url: URL_A, probe: true, replace: false, ...wish });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-assets-'));
  store = await openSqlite({ file: join(folder, 'millrace.db'), sealKey: Buffer.alloc(32, 7) });
  probed = [];
  broken = undefined;
  assets = new Assets({
    store,
    probe: async url => {
      probed.push(url);
      if (broken !== undefined) throw broken;
      return PROBE;
    },
    checkUrl: url => (url.startsWith('ftp:') ? 'the scheme is not one of ours' : undefined),
    now: () => 1_000,
    randomBytes,
  });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

describe('an asset', () => {
  it('is looked through and kept under an id as the clouds have them', async () => {
    const asset = await add();
    expect(asset).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      accountId: 'default',
      url: URL_A,
      createdAt: 1_000,
      probe: PROBE,
    });
    expect(await assets.get(asset.id)).toEqual(asset);
    expect(probed).toEqual([URL_A]);
  });

  it('is kept unseen where its owner says so', async () => {
    expect((await add({ id: 'film', probe: false })).probe).toBeNull();
    expect(probed).toEqual([]);
  });

  it('that cannot be played is not kept', async () => {
    broken = new Error('the file holds no frame');
    await expect(add({ id: 'film' })).rejects.toBe(broken);
    expect(await assets.list()).toEqual([]);
  });

  it('is led elsewhere only where that is said', async () => {
    await add({ id: 'film' });
    await expect(add({ id: 'film', url: 'media://b.mp4' })).rejects.toThrow('the asset film stands already');
    expect(probed).toHaveLength(1);
    expect((await add({ id: 'film', url: 'media://b.mp4', replace: true })).url).toBe('media://b.mp4');
    expect(await assets.list()).toHaveLength(1);
  });

  it('that was added by another meanwhile is not overwritten', async () => {
    const racing = new Assets({
      ...{ store, now: () => 1_000, randomBytes, checkUrl: () => undefined },
      probe: async () => {
        await add({ id: 'film' });
        return PROBE;
      },
    });
    const late = racing.add({ id: 'film', url: 'media://late.mp4', probe: true, replace: false });
    await expect(late).rejects.toMatchObject({ name: 'InvalidAsset' });
    expect((await assets.get('film'))?.url).toBe(URL_A);
  });

  it.each([
    ['an id with white space', { id: 'a b' }, 'an asset id has 1 to 128 characters'],
    ['an empty id', { id: '' }, 'an asset id has 1 to 128 characters'],
    ['an address that breaks a rule', { url: 'ftp://files.example/a.mp4' }, 'the scheme is not one of ours'],
    ['an account that there is not', { accountId: 'acme' }, 'there is no account acme'],
  ])('with %s is refused before it is looked at', async (_, wish, sentence) => {
    await expect(add(wish)).rejects.toThrow(sentence);
    expect(probed).toEqual([]);
  });

  it('is removed once', async () => {
    await add({ id: 'film' });
    expect([await assets.remove('film'), await assets.remove('film')]).toEqual([true, false]);
  });

  it('of another account is not there', async () => {
    await store.addAccount({ id: 'acme', createdAt: 0, live: true });
    await add({ id: 'film', accountId: 'acme' });
    expect(await assets.get('film')).toBeUndefined();
    expect(await assets.remove('film')).toBe(false);
    expect(await assets.resolve('default', ['asset://film'])).toEqual({});
    expect(await assets.list('default')).toEqual([]);
  });
});

describe('a list`s assets', () => {
  it('lead to their addresses by the URL that names them, unless there are none', async () => {
    await add({ id: 'film' });
    await add({ id: 'a/b', url: 'media://b.mp4' });
    const urls = ['asset://film', 'asset://a%2fb', 'asset://gone', 'asset://%', 'media://c.mp4', 'asset://film'];
    expect(await assets.resolve('default', urls)).toEqual({
      'asset://film': URL_A,
      'asset://a%2fb': 'media://b.mp4',
    });
  });

  it('tell by their revision that one has changed', async () => {
    const before = await assets.revision();
    await add({ id: 'film' });
    expect(await assets.revision()).toBe(before + 1);
  });
});

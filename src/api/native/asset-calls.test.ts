import { expect, it } from 'vitest';
import type { Assets } from '../../control/assets.ts';
import type { Asset } from '../../task/asset.ts';
import { NODE } from '../../task/audit.ts';
import type { AssetWish } from './access-schema.ts';
import { AssetCalls } from './asset-calls.ts';
import type { Call } from './route.ts';

const URL = 'http://media.example/film.mp4';
const ASSET: Asset = { id: 'film', accountId: 'default', url: URL, createdAt: 0, probe: null };

it('files are looked through four at a time; those beyond are sent away, and those that are not looked at never', async () => {
  const ends: (() => void)[] = [];
  const assets: Pick<Assets, 'add'> = {
    add: ({ probe }) => (probe ? new Promise(resolve => ends.push(() => resolve(ASSET))) : Promise.resolve(ASSET)),
  };
  const calls = new AssetCalls({ assets: { ...assets, by: () => assets } as unknown as Assets, redact: url => url });
  const caller = { accountId: 'default', projectId: '', may: () => true, by: NODE };
  const add = (probe: boolean) =>
    calls.add({ caller, body: { url: URL, probe } } as unknown as Call<unknown, AssetWish>);
  const running = Array.from({ length: 4 }, () => add(true));
  await expect(add(true)).rejects.toMatchObject({ code: 'THROTTLED' });
  expect(await add(false)).toMatchObject({ id: 'film' });
  for (const end of ends.splice(0)) end();
  await Promise.all(running);
  const again = add(true);
  for (const end of ends.splice(0)) end();
  expect(await again).toMatchObject({ id: 'film' });
});

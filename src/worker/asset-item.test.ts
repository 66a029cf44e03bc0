import { describe, expect, it } from 'vitest';
import { Fault, type FaultKind } from '../media/fault.ts';
import type { Item } from '../media/item.ts';
import { Batch } from '../media/packet.ts';
import { ScriptedItem } from '../media/scripted-item.ts';
import type { ListItem } from '../task/playlist.ts';
import { openingAssets } from './asset-item.ts';

const { signal } = new AbortController();

async function faultOf(opening: Promise<Item>): Promise<Fault> {
  const error = await opening.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
}

describe('an item whose URL names an asset', () => {
  it('is opened where the asset leads at that time, with all else that is wanted of it', async () => {
    const opened: [ListItem, number][] = [];
    let addresses = { 'asset://film': 'media://first.mp4' };
    const open = openingAssets(
      async (item, startMs) => {
        opened.push([item, startMs]);
        return new ScriptedItem({ seconds: 4, startMs });
      },
      () => addresses,
    );
    const wanted = { url: 'asset://film', outMs: 3_000, audioTrack: 1 };
    const item = await open(wanted, 2_000, signal);
    expect([item.startMs, item.durationMs, item.notes]).toEqual([2_000, 4_000, []]);
    addresses = { 'asset://film': 'media://second.mp4' };
    await open(wanted, 0, signal);
    await open({ url: 'media://plain.mp4' }, 0, signal);
    expect(opened).toEqual([
      [{ ...wanted, url: 'media://first.mp4' }, 2_000],
      [{ ...wanted, url: 'media://second.mp4' }, 0],
      [{ url: 'media://plain.mp4' }, 0],
    ]);
  });

  it.each([
    ['no assets at all', undefined],
    ['other assets', { 'asset://other': 'media://a.mp4' }],
  ])('is a Fault that may pass where there are %s', async (_, addresses) => {
    const open = openingAssets(
      () => Promise.reject(new Error('nothing is opened')),
      () => addresses,
    );
    const fault = await faultOf(open({ url: 'asset://%E7%89%87' }, 0, signal));
    expect(fault).toMatchObject({ side: 'pull', kind: 'refused', retryable: true });
    expect(fault.message).toBe('there is no media asset 片');
  });

  it.each<[FaultKind, string, string]>([
    ['refused', 'http://files.example/dir/fi***?***: HTTP 404', 'asset://film: HTTP 404'],
    ['refused', 'HTTP 403 from http://files.example/dir/fi***?***.', 'HTTP 403 from asset://film.'],
    ['refused', 'media://dir/film.mp4: there is no such file', 'asset://film: there is no such file'],
    ['closed', 'the connection to https://a.example/*** broke', 'the connection to asset://film broke'],
    ['garbage', 'the MP4 file has no frames', 'the MP4 file has no frames'],
    [
      'unreachable',
      'cannot connect to cdn.example: connection refused',
      'asset://film: its server cannot be connected to',
    ],
    ['timeout', '10.0.0.1:81 did not accept the connection within 5 s', 'asset://film: it was not reached in time'],
    ['name', 'the name files.example was not resolved', 'asset://film: the name of its server is not known'],
    ['tls', 'TLS with files.example failed', 'asset://film: TLS with its server failed'],
    ['policy', 'the network policy does not allow 10.0.0.1', 'asset://film: it leads where this server may not read'],
  ])('that fails as %s does not tell where the asset leads: %s', async (kind, message, told) => {
    const cause = new Fault('pull', kind, message);
    const open = openingAssets(
      () => Promise.reject(cause),
      () => ({ 'asset://film': 'http://files.example/dir/film.mp4' }),
    );
    const fault = await faultOf(open({ url: 'asset://film' }, 0, signal));
    expect(fault).toMatchObject({ kind, message: told, cause, retryable: cause.retryable });
  });

  it('keeps that to itself while it is played, too', async () => {
    const fault = new Fault('pull', 'lost', 'media://film.mp4: the file has changed while it was played');
    const scripted = new ScriptedItem({ seconds: 4, fault: { atMs: 0, fault } });
    const open = openingAssets(
      async () => scripted,
      () => ({ 'asset://film': 'media://film.mp4' }),
    );
    const item = await open({ url: 'asset://film' }, 0, signal);
    expect(() => item.read(new Batch(), 1_000)).toThrow('asset://film: the file has changed while it was played');
    item.close();
    expect(scripted.closed).toBe(true);
    // Our own bug is told as it is.
    expect(() => item.read(new Batch(), 1_000)).toThrow('a closed item was read');
  });
});

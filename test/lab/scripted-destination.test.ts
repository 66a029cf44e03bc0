import { expect, it } from 'vitest';
import { monotonic } from '../../src/media/clock.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSink } from '../../src/media/open.ts';
import type { Sink } from '../../src/media/packet.ts';
import type { ScriptedOptions } from '../../src/media/rtmp/scripted-server.ts';
import { Place } from './place.ts';
import { REFUSAL_NAMES, redirectsTo, refuses, STEPS, startDestination, stopsAt } from './scripted-destination.ts';

const dialler = new Dialler({ preset: 'lab' });

/** What opening a push to it comes to: the sink, or the words of the failure. */
async function push(place: Place, conduct: ScriptedOptions): Promise<Sink | string> {
  const { signal } = place.own(new AbortController(), it => it.abort());
  const server = await startDestination(place, conduct);
  const options = { dialler, signal, now: monotonic, stepMs: 200, totalMs: 400 };
  return openSink(server.url(), options).catch((error: unknown) => String(error));
}

it.each(STEPS)('gets as far as %s', async step => {
  await using place = new Place();
  const answer = await push(place, stopsAt(step));
  const isAccepted = step === 'first data' || step === 'mid-media';
  expect(typeof answer).toBe(isAccepted ? 'object' : 'string');
});

it.each(REFUSAL_NAMES)('refuses: %s', async kind => {
  await using place = new Place();
  expect(await push(place, refuses(kind))).toMatch(
    /asks for a user name|refused (connect|createStream|publish)|authentication/,
  );
});

it('says yes after it has said no often enough', async () => {
  await using place = new Place();
  const { signal } = place.own(new AbortController(), it => it.abort());
  const server = await startDestination(place, refuses('badName', { times: 1 }));
  const open = () => openSink(server.url(), { dialler, signal, now: monotonic });
  await expect(open()).rejects.toThrow('BadName');
  await (await open()).close(0);
});

it('sends elsewhere', async () => {
  await using place = new Place();
  const there = await startDestination(place, {});
  expect(typeof (await push(place, redirectsTo(there.url('live'))))).toBe('object');
  expect(there.visit.names()).toContain('publish');
});

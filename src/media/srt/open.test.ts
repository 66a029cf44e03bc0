import { afterEach, beforeEach, expect, it } from 'vitest';
import { Place } from '../../../test/lab/place.ts';
import { parseAddress } from '../address.ts';
import { Dialler } from '../net.ts';
import { openSrt } from './open.ts';
import { findProgram } from './program.ts';

const path = process.env.PATH;
let studio: Place;
beforeEach(() => {
  studio = new Place();
  process.env.PATH = studio.dir;
});
afterEach(async () => {
  process.env.PATH = path;
  await studio[Symbol.asyncDispose]();
});

it('SRT without a program that speaks it is refused for good, and says what to install', async () => {
  const options = { dialler: new Dialler({ preset: 'lab' }), signal: new AbortController().signal };
  const opening = openSrt(parseAddress('srt://127.0.0.1:9', ['srt']), 'push', options);
  await expect(opening).rejects.toMatchObject({
    ...{ side: 'push', kind: 'unsupported', retryable: false },
    message: expect.stringMatching(/srt-live-transmit or by ffmpeg.*neither is installed.*srt-tools/),
  });
});

it('a program that has been installed meanwhile is found', async () => {
  expect(await findProgram()).toBeUndefined();
  process.env.PATH = path;
  expect((await findProgram())?.program.name).toBe('srt-live-transmit');
});

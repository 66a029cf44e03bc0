import { afterAll } from 'vitest';
import { Place } from './lab/place.ts';
import { takeAway } from './lab/programs.ts';
import { describeSrt } from './srt.testsuite.ts';

const studio = new Place();
afterAll(() => studio[Symbol.asyncDispose]());

// On a machine without it ffmpeg has to do.
takeAway(studio, 'srt-live-transmit');
describeSrt('ffmpeg');

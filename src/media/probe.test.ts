import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { box, fragment, type MovieWish, movie } from './mp4/box-writer.ts';
import { Dialler } from './net.ts';
import { type Findings, type ProbeOptions, probeFile } from './probe.ts';
import { scriptedMedia } from './ts/scripted-stream.ts';

const FILM: MovieWish = {
  tracks: [
    { kind: 'video', sizes: [40, 20, 20, 40, 20, 20], each: 100, keys: [1, 4] },
    { kind: 'audio', sizes: [9, 9, 9], each: 200 },
  ],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-probe-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function probe(bytes: Buffer, more: Partial<ProbeOptions> = {}): Promise<Findings> {
  writeFileSync(join(folder, 'film'), bytes);
  return probeUrl('media://film', more);
}

const probeUrl = (url: string, more: Partial<ProbeOptions> = {}): Promise<Findings> =>
  probeFile(url, {
    dialler: new Dialler({ preset: 'lab' }),
    mediaDir: folder,
    signal: new AbortController().signal,
    now: () => performance.now(),
    sleep: (ms, signal) => setTimeout(ms, undefined, { signal }),
    ...more,
  });

async function faultOf(probing: Promise<unknown>): Promise<Fault> {
  const error = await probing.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
}

describe('a probe', () => {
  it('tells length, codecs and key frames of an MP4 by its index', async () => {
    const bytes = movie(FILM);
    expect(await probe(bytes)).toEqual({
      durationMs: 600,
      video: { codec: 'H.264', width: 320, height: 240, fps: 10 },
      audio: { codec: 'MP3' },
      keyFrames: { count: 2, longestGapMs: 300 },
      bytes: bytes.length,
      notes: [],
    });
  });

  it('counts of an MP4 only what its edit list shows', async () => {
    const sizes = Array(40).fill(40);
    const rows = [2, 1_000, 0, 0x1_0000, 1_000, 3_000, 0x1_0000];
    const elst = Buffer.alloc(4 + 4 * rows.length);
    for (const [i, value] of rows.entries()) elst.writeUInt32BE(value, 4 + 4 * i);
    const { keyFrames, durationMs } = await probe(
      movie({ tracks: [{ kind: 'video', sizes, each: 100, keys: [1, 11, 21, 31], elst }] }),
    );
    expect([keyFrames, durationMs]).toEqual([{ count: 2, longestGapMs: 1_000 }, 2_000]);
  });

  it('reads next to nothing of a long MP4 on the web', async () => {
    const frames = 2_000;
    const bytes = movie({
      tracks: [{ kind: 'video', sizes: Array(frames).fill(20_000), each: 40, keys: [1, 1001] }],
      last: true,
    });
    let sent = 0;
    const server = createServer((request, response) => {
      const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const body = bytes.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
      sent += body.length;
      const last = Number(from) + body.length - 1;
      response.writeHead(206, { 'content-range': `bytes ${from}-${last}/${bytes.length}`, etag: '"1"' });
      response.end(body);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const { keyFrames, durationMs } = await probeUrl(`http://127.0.0.1:${port}/film.mp4?sign=1`);
      expect([keyFrames, durationMs]).toEqual([{ count: 2, longestGapMs: 40_000 }, 80_000]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(bytes.length).toBeGreaterThan(40_000_000);
    expect(sent).toBeLessThan(bytes.length / 4);
  });

  it('counts the key frames of fragments, and adds up a length that the head does not tell', async () => {
    const head = movie({
      tracks: [{ kind: 'video', sizes: [], each: 40, instead: { stsc: Buffer.alloc(8), stts: Buffer.alloc(8) } }],
      mvex: true,
    });
    const parts = [0, 400, 800].map(timeUnits =>
      fragment({ id: 1, kind: 'video', timeUnits, each: 100, sizes: [40, 20, 20, 20] }),
    );
    const { keyFrames, durationMs } = await probe(Buffer.concat([head, ...parts]));
    expect([keyFrames, durationMs]).toEqual([{ count: 3, longestGapMs: 400 }, 1_100]);
  });

  it('looks a transport stream through to its end', async () => {
    const { bytes } = scriptedMedia({ seconds: 9, gop: 50 });
    expect(await probe(bytes)).toMatchObject({
      durationMs: 9_002,
      video: { codec: 'H.264', width: 1280, height: 720, fps: 25 },
      audio: { codec: 'AAC', sampleRate: 48_000, channels: 2 },
      keyFrames: { count: 5, longestGapMs: 2_000 },
      bytes: bytes.length,
      notes: [],
    });
  });

  it('stops at its bound, and says how far it has come', async () => {
    const { bytes } = scriptedMedia({ seconds: 60, frameBytes: 3_000 });
    const found = await probe(bytes, { mostBytes: 1_000_000 });
    expect(found.notes).toEqual([expect.stringMatching(/^Only its first 1\d s were looked at\.$/)]);
    expect(found.keyFrames.count).toBeLessThan(20);
  });

  it('passes on what of the file will not be played', async () => {
    const [video] = FILM.tracks;
    if (video === undefined) throw new Error('the film has a picture');
    const notes = ['The sound is left out: the codec "ac-3" cannot be relayed.'];
    const stsd = Buffer.concat([Buffer.from('0000000000000001', 'hex'), box('ac-3', Buffer.alloc(28))]);
    const sound = { kind: 'audio', sizes: [9], each: 600, instead: { stsd } } as const;
    expect(await probe(movie({ tracks: [video, sound] }))).toMatchObject({ notes });
  });

  it('is a Fault for an index that points behind the end of the file', async () => {
    const bytes = movie({ tracks: [{ kind: 'video', sizes: Array(60).fill(40), each: 100 }] });
    const { kind, message } = await faultOf(probe(bytes.subarray(0, bytes.length - 30)));
    expect([kind, message]).toEqual(['garbage', expect.stringMatching(/^the MP4 file is cut short: a \w+ frame lies/)]);
  });

  it('is a Fault for what is no media, and for what is not there', async () => {
    expect((await faultOf(probe(Buffer.alloc(0)))).message).toContain('is empty');
    expect((await faultOf(probeUrl('media://none.mp4'))).message).toContain('there is no such file');
  });

  it('ends when it is called off', async () => {
    const { bytes } = scriptedMedia({ seconds: 60 });
    const { kind } = await faultOf(probe(bytes, { signal: AbortSignal.abort() }));
    expect(kind).toBe('closed');
  });
});

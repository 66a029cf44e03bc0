import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '../address.ts';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import type { HttpFile } from './http-file.ts';
import type { HttpLimits } from './http-limits.ts';
import { openHttpFile } from './http-open.ts';
import { FileServer, type FileServerOptions, patternBytes } from './scripted-file-server.ts';

const MB = 1024 * 1024;
const lab = new Dialler({ preset: 'lab' });
const never = new AbortController().signal;
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(options: FileServerOptions): Promise<FileServer> {
  const server = await FileServer.listen(options);
  closing.push(() => server.close());
  return server;
}

interface Opening {
  readonly limits?: Partial<HttpLimits>;
  readonly signal?: AbortSignal;
  readonly dialler?: Dialler;
}

async function open(url: string, { limits = {}, signal = never, dialler = lab }: Opening = {}): Promise<HttpFile> {
  const file = await openHttpFile(parseAddress(url, ['http', 'https']), { dialler, signal, limits });
  closing.push(() => file.close());
  return file;
}

const failing = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error)),
  );

/** Asks again until the bytes are here, as a tick does. */
async function taken(file: HttpFile, offset: number, length: number): Promise<Buffer> {
  return vi.waitFor(
    () => {
      const bytes = file.take(offset, length);
      if (bytes === undefined) throw new Error('starved');
      return bytes;
    },
    { timeout: 5000, interval: 1 },
  );
}

/** Nothing has come for so many looks: more than a busy machine makes of a pause. */
const QUIET_LOOKS = 10;

const settled = (file: HttpFile): Promise<void> => {
  let held = -1;
  let quiet = 0;
  return vi.waitFor(
    () => {
      const now = file.heldBytes + file.requests;
      quiet = now === held ? quiet + 1 : 0;
      held = now;
      if (quiet < QUIET_LOOKS) throw new Error('still fetching');
    },
    { timeout: 8000, interval: 40 },
  );
};

describe('a server with ranges', () => {
  it('tells the size and the version, and reads anywhere', async () => {
    const server = await serve({ size: 3 * MB });
    const file = await open(server.url);
    expect(file).toMatchObject({ size: 3 * MB, seekable: true });
    expect(file.validator).toContain('"one"');
    expect(await file.read(2 * MB + 5, 100, never)).toEqual(patternBytes(2 * MB + 5, 2 * MB + 105));
    expect((await file.read(1, 2 * MB, never)).equals(patternBytes(1, 2 * MB + 1))).toBe(true);
  });

  it('answers less only at the end of the file', async () => {
    const file = await open((await serve({ size: MB + 7 })).url);
    expect(await file.read(MB, 100, never)).toEqual(patternBytes(MB, MB + 7));
    expect(await file.read(MB + 7, 100, never)).toHaveLength(0);
    expect(await taken(file, MB + 6, 100)).toEqual(patternBytes(MB + 6, MB + 7));
    expect(file.take(5 * MB, 1)).toHaveLength(0);
  });

  it('plays a file in order over one connection', async () => {
    const server = await serve({ size: 6 * MB + 99 });
    const file = await open(server.url);
    const step = 40_000;
    for (let at = 0; at < 6 * MB + 99; at += step) {
      const bytes = await taken(file, at, step);
      expect(bytes.equals(patternBytes(at, Math.min(at + step, 6 * MB + 99)))).toBe(true);
    }
    expect(server.connections).toBe(1);
    expect(server.asked.length).toBeGreaterThan(3);
    expect(server.bytesSent).toBe(6 * MB + 99);
  });

  it('looks at boxes far apart without fetching what lies between', async () => {
    const server = await serve({ size: 1024 * MB });
    const file = await open(server.url);
    for (const at of [0, 32, 900 * MB, 32, 1023 * MB])
      expect(await file.read(at, 16, never)).toEqual(patternBytes(at, at + 16));
    expect(server.bytesSent).toBeLessThanOrEqual(4 * 256 * 1024);
    expect(server.connections).toBe(1);
  });

  it('holds at most 4 MB of a file of 1 GB, and rests when that is enough', async () => {
    const server = await serve({ size: 1024 * MB });
    const file = await open(server.url);
    await taken(file, 0, 10);
    await settled(file);
    expect(file.heldBytes).toBeLessThanOrEqual(2 * MB);
    const atRest = server.bytesSent;
    for (let at = 0; at < 20 * MB; at += 60_000) {
      await taken(file, at, 60_000);
      expect(file.heldBytes).toBeLessThanOrEqual(4 * MB);
    }
    expect(atRest).toBe(2 * MB);
    expect(server.bytesSent).toBeLessThanOrEqual(24 * MB);
  });

  it('plays at two places at once without fetching anything twice', async () => {
    const server = await serve({ size: 64 * MB });
    const file = await open(server.url);
    for (let step = 0; step < 300; step++) {
      const video = step * 20_000;
      const audio = 32 * MB + step * 2000;
      expect((await taken(file, video, 20_000)).equals(patternBytes(video, video + 20_000))).toBe(true);
      expect((await taken(file, audio, 2000)).equals(patternBytes(audio, audio + 2000))).toBe(true);
      expect(file.heldBytes).toBeLessThanOrEqual(4 * MB);
    }
    expect(new Set(server.asked).size).toBe(server.asked.length);
    expect(server.bytesSent).toBeLessThanOrEqual(13 * MB);
  });

  it.each([40_000, 200_000, 300_000, 600_000, 1_200_000])(
    'plays two tracks that lie %i bytes apart and fetches next to nothing twice',
    async apartBytes => {
      const server = await serve({ size: 64 * MB });
      const file = await open(server.url);
      for (let at = 0; at < 8 * MB; at += 20_000) {
        await taken(file, at, 20_000);
        await taken(file, at + apartBytes, 500);
      }
      const requests = server.asked.length;
      expect(server.bytesSent, `${requests} requests`).toBeLessThanOrEqual(8 * MB + apartBytes + 5 * MB);
      expect(file.heldBytes).toBeLessThanOrEqual(4 * MB);
    },
  );

  it('takes a piece larger than a window whole', async () => {
    const file = await open((await serve({ size: 12 * MB })).url);
    const bytes = await taken(file, 3 * MB + 1, 6 * MB);
    expect(bytes.equals(patternBytes(3 * MB + 1, 9 * MB + 1))).toBe(true);
    expect(file.heldBytes).toBeLessThanOrEqual(4 * MB);
  });

  it('keeps every view of one turn as it was', async () => {
    const file = await open((await serve({ size: 16 * MB })).url);
    await taken(file, 0, 10);
    await vi.waitFor(() => expect(file.heldBytes).toBeGreaterThanOrEqual(2 * MB), { timeout: 5_000 });
    const views: [number, Buffer][] = [];
    for (let at = 0; at < 2 * MB; at += 100_000) {
      const view = file.take(at, 1000);
      if (view !== undefined) views.push([at, view]);
    }
    expect(views.length).toBeGreaterThan(15);
    for (const [at, view] of views) expect(view.equals(patternBytes(at, at + 1000))).toBe(true);
  });

  it('gives the same bytes as the file, whatever is asked', async () => {
    const size = 9 * MB + 12_345;
    const file = await open((await serve({ size })).url);
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    let place = 0;
    for (let i = 0; i < 400; i++) {
      place = random(4) === 0 ? random(size + 1000) : place + random(200_000);
      const length = random(10) === 0 ? random(2 * MB) : random(5000);
      const bytes = random(3) === 0 ? await file.read(place, length, never) : await taken(file, place, length);
      const expected = patternBytes(Math.min(place, size), Math.min(place + length, size));
      expect(bytes.equals(expected), `${length} bytes at ${place}`).toBe(true);
    }
  }, 30_000);

  it('plays a file whose server does not know its size', async () => {
    const size = 600_000;
    const server = await serve({
      size,
      script: (request, response) => {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
        const from = Number(first);
        const to = Math.min(size, Number(last) + 1);
        if (from >= size) response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
        else {
          response.writeHead(206, { 'content-range': `bytes ${from}-${to - 1}/*` });
          response.end(patternBytes(from, to));
        }
        return true;
      },
    });
    const file = await open(server.url);
    expect(file.size).toBeUndefined();
    expect((await file.read(0, size + 5, never)).equals(patternBytes(0, size))).toBe(true);
    expect(file.size).toBe(size);
  });

  it('plays an empty file', async () => {
    const file = await open((await serve({ size: 0 })).url);
    expect(file.size).toBe(0);
    expect(await file.read(0, 10, never)).toHaveLength(0);
  });

  it('refuses offsets and lengths that only damage can explain', async () => {
    const file = await open((await serve({ size: 1024 * MB })).url);
    expect(() => file.take(-1, 10)).toThrow('is damaged');
    expect(() => file.take(0, Number.NaN)).toThrow('is damaged');
    expect((await failing(file.read(0, 500 * MB, never))).kind).toBe('garbage');
  });
});

describe('a server without ranges', () => {
  it('plays in order and does not read faster than is played', async () => {
    const server = await serve({ size: 64 * MB, ranges: false });
    const file = await open(server.url);
    expect(file).toMatchObject({ size: 64 * MB, seekable: false });
    for (let at = 0; at < 10 * MB; at += 50_000) {
      const bytes = await taken(file, at, 50_000);
      expect(bytes.equals(patternBytes(at, at + 50_000))).toBe(true);
      expect(file.heldBytes).toBeLessThanOrEqual(5 * MB);
    }
    // What the kernels of both sides hold is not ours to bound.
    expect(server.bytesSent).toBeLessThan(32 * MB);
    expect(server.connections).toBe(1);
    expect(file.reopens).toBe(0);
  });

  it('begins anew for what has gone by, and counts it', async () => {
    const server = await serve({ size: 20 * MB, ranges: false });
    const file = await open(server.url);
    expect(await file.read(19 * MB, 1000, never)).toEqual(patternBytes(19 * MB, 19 * MB + 1000));
    expect(file.reopens).toBe(0);
    expect(await file.read(0, 1000, never)).toEqual(patternBytes(0, 1000));
    expect(file.reopens).toBe(1);
    expect((await taken(file, MB, 1000)).equals(patternBytes(MB, MB + 1000))).toBe(true);
    expect(file.reopens).toBe(1);
  });

  it('gives up a file that needs to be read back and forth', async () => {
    const file = await open((await serve({ size: 12 * MB, ranges: false })).url);
    const jumping = async () => {
      for (let i = 0; i < 20; i++) await file.read(i % 2 === 0 ? 11 * MB : (18 - i) * 500_000, 10, never);
    };
    expect(await failing(jumping())).toMatchObject({ kind: 'unsupported', retryable: false });
  });

  it('reads a small file anywhere', async () => {
    const server = await serve({ size: 2 * MB, ranges: false });
    const file = await open(server.url);
    expect(file.seekable).toBe(true);
    for (const at of [2 * MB - 100, 0, MB, 5])
      expect(await file.read(at, 100, never)).toEqual(patternBytes(at, at + 100));
    expect(server.connections).toBe(1);
  });

  it('learns the size of a chunked file at its end', async () => {
    const server = await serve({
      size: 100_000,
      script: (_, response) => {
        response.writeHead(200);
        response.end(patternBytes(0, 100_000));
        return true;
      },
    });
    const file = await open(server.url);
    expect(await file.read(50_000, 100_000, never)).toEqual(patternBytes(50_000, 100_000));
    expect(file.size).toBe(100_000);
  });
});

describe('a broken transfer', () => {
  it('goes on from the last byte after the connection was cut', async () => {
    let cuts = 0;
    const server = await serve({
      size: 3 * MB,
      script: (request, response) => {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
        const from = Number(first);
        const to = Number(last) + 1;
        if (from === 0 || cuts++ > 0) return false;
        response.writeHead(206, {
          etag: '"one"',
          'content-length': to - from,
          'content-range': `bytes ${from}-${to - 1}/${3 * MB}`,
        });
        response.write(patternBytes(from, from + 300_000), () => response.destroy());
        return true;
      },
    });
    const file = await open(server.url);
    expect((await file.read(0, 3 * MB, never)).equals(patternBytes(0, 3 * MB))).toBe(true);
    expect(cuts).toBeGreaterThan(1);
    const [, cut, next] = server.asked.map(range => Number(/\d+/.exec(range)?.[0]));
    expect(next).toBeGreaterThan((cut ?? 0) + 100_000);
    expect(server.bytesSent).toBeLessThan(3 * MB);
  });

  it('goes on after a kept connection was closed while it rested', async () => {
    const server = await serve({ size: 64 * MB });
    const file = await open(server.url);
    await taken(file, 0, 10);
    await settled(file);
    for (const socket of server.sockets) socket.destroy();
    expect((await taken(file, 30 * MB, 10)).equals(patternBytes(30 * MB, 30 * MB + 10))).toBe(true);
    expect(server.connections).toBe(2);
  });

  it('begins a stream anew that was cut while it rested, and misses no byte', async () => {
    // More than fits into all the buffers between the server and the player.
    const server = await serve({ size: 256 * MB, ranges: false });
    const file = await open(server.url);
    // What was sent before a cut still comes, and may be as much as the kernel has room for.
    const goesOn = (at: number): boolean => at < 12 * MB || (file.reopens === 0 && at < 100 * MB);
    for (let at = 0; goesOn(at); at += 31_000) {
      if (at % (100 * 31_000) === 0 && at > 0) {
        await settled(file);
        for (const socket of server.sockets) socket.destroy();
      }
      expect((await taken(file, at, 31_000)).equals(patternBytes(at, at + 31_000))).toBe(true);
    }
    expect(file.reopens).toBeGreaterThan(0);
  });

  it('has all its attempts for a stream that was cut long before it was wanted again', async () => {
    const server = await serve({ size: 20 * MB, ranges: false });
    const file = await open(server.url, { limits: { resumeMs: 1_500 } });
    await taken(file, 0, 10);
    await settled(file);
    for (const socket of server.sockets) socket.destroy();
    await vi.waitFor(() => expect(server.sockets.size).toBe(0));
    await new Promise(resolve => setTimeout(resolve, 1_600));
    expect((await taken(file, 19 * MB, 10)).equals(patternBytes(19 * MB, 19 * MB + 10))).toBe(true);
  });

  it('gives up after three attempts and tells of them', async () => {
    const server = await serve({
      size: 64 * MB,
      script: (request, response) => {
        if (request.headers.range?.startsWith('bytes=0-')) return false;
        response.destroy();
        return true;
      },
    });
    const file = await open(server.url);
    const fault = await failing(file.read(10 * MB, 10, never));
    expect(fault.kind).toBe('closed');
    expect(fault.message).toContain('3 attempts to go on failed');
    expect(fault.message).not.toContain('s3cret');
    expect(server.asked).toHaveLength(5);
    // What had come before is still there.
    expect(file.take(0, 100)?.equals(patternBytes(0, 100))).toBe(true);
    expect(() => file.take(10 * MB, 1)).toThrow(fault);
  });

  it('follows a server that sends it elsewhere in the middle of a file', async () => {
    const server = await serve({
      size: 64 * MB,
      script: (request, response) => {
        if (request.headers.range?.startsWith('bytes=0-') || request.url?.startsWith('/other')) return false;
        response.writeHead(302, { location: '/other/place.mp4' }).end();
        return true;
      },
    });
    const file = await open(server.url);
    expect(await file.read(30 * MB, 10, never)).toEqual(patternBytes(30 * MB, 30 * MB + 10));
    expect(await file.read(50 * MB, 10, never)).toEqual(patternBytes(50 * MB, 50 * MB + 10));
    expect(server.asked).toHaveLength(4);
  });

  it('never mixes bytes of two versions', async () => {
    const server = await serve({ size: 64 * MB });
    const file = await open(server.url);
    await file.read(0, 10, never);
    server.etag = '"two"';
    const fault = await failing(file.read(30 * MB, 10, never));
    expect(fault.message).toContain('the file has changed while it was played (another ETag)');
    await vi.waitFor(() => expect(server.sockets.size).toBe(0));
  });

  it.each([
    ['another start', { 'content-range': `bytes 5-262143/${64 * MB}` }],
    ['another size', { 'content-range': `bytes 31457280-31719423/${63 * MB}` }],
    ['no range at all', {}],
    ['a range that its length denies', { 'content-range': `bytes 31457280-31719423/${64 * MB}`, 'content-length': 3 }],
    ['more than was asked for', { 'content-range': `bytes 31457280-62719423/${64 * MB}` }],
  ])('does not take a part with %s', async (_, headers) => {
    const server = await serve({
      size: 64 * MB,
      script: (request, response) => {
        if (!request.headers.range?.startsWith('bytes=31457280-')) return false;
        response.writeHead(206, headers).end('abc');
        return true;
      },
    });
    const file = await open(server.url);
    expect((await failing(file.read(30 * MB, 10, never))).message).toMatch(/and sends|has changed/);
  });

  it('does not take more bytes than the server has told', async () => {
    const server = await serve({
      size: 64 * MB,
      script: (request, response) => {
        if (!request.headers.range?.startsWith('bytes=31457280-')) return false;
        response.writeHead(206, { 'content-range': `bytes 31457280-31719423/${64 * MB}`, etag: '"one"' });
        response.end(Buffer.alloc(MB));
        return true;
      },
    });
    const file = await open(server.url);
    expect((await failing(file.read(30 * MB, MB, never))).message).toContain('more bytes than it has told');
  });

  it('tells a server that falls silent from one that is done', async () => {
    const server = await serve({
      size: 64 * MB,
      script: (request, response) => {
        if (request.headers.range?.startsWith('bytes=0-')) return false;
        response.writeHead(206, { 'content-range': `bytes 31457280-31719423/${64 * MB}`, etag: '"one"' });
        response.write('abc');
        return true;
      },
    });
    const file = await open(server.url, { limits: { silentMs: 100 } });
    expect(await failing(file.read(30 * MB, 10, never))).toMatchObject({
      kind: 'silent',
      message: expect.stringContaining('only 3 bytes'),
    });
  });

  it('tells a server that does not answer the next request as silent', async () => {
    const server = await serve({ size: 64 * MB, script: request => !request.headers.range?.startsWith('bytes=0-') });
    const file = await open(server.url, { limits: { silentMs: 100 } });
    expect((await failing(file.read(30 * MB, 10, never))).kind).toBe('silent');
    await vi.waitFor(() => expect(server.sockets.size).toBe(0));
  });

  it('rests for as long as it likes without being taken for silent', async () => {
    const server = await serve({ size: 64 * MB, ranges: false });
    const file = await open(server.url, { limits: { silentMs: 80 } });
    await taken(file, 0, 10);
    await settled(file);
    await new Promise(resolve => setTimeout(resolve, 250));
    expect((await taken(file, 5 * MB, 10)).equals(patternBytes(5 * MB, 5 * MB + 10))).toBe(true);
    expect(server.connections).toBe(1);
  });
});

describe('calling off', () => {
  it('ends a read, and the file is still good for others', async () => {
    let held = true;
    const server = await serve({
      size: 64 * MB,
      script: request => held && !request.headers.range?.startsWith('bytes=0-'),
    });
    const file = await open(server.url, { limits: { silentMs: 200 } });
    const off = new AbortController();
    const reading = failing(file.read(30 * MB, 10, off.signal));
    off.abort();
    expect((await reading).kind).toBe('closed');
    held = false;
    expect(await file.read(0, 10, never)).toEqual(patternBytes(0, 10));
  });

  it.each([
    ['at rest', async (file: HttpFile) => void (await file.read(0, 10, never))],
    ['in the middle of a body', async () => undefined],
    ['while a request waits', async (file: HttpFile) => void file.take(30 * MB, 10)],
  ])('leaves no socket and no bytes when the file is closed %s', async (_, stage) => {
    const server = await serve({
      size: 64 * MB,
      script: request => request.headers.range?.startsWith('bytes=31') ?? false,
    });
    const file = await open(server.url);
    await stage(file);
    const reading = failing(file.read(31 * MB, 10, never));
    file.close();
    file.close();
    expect((await reading).kind).toBe('closed');
    expect(() => file.take(0, 1)).toThrow('was closed');
    expect(file.heldBytes).toBe(0);
    await vi.waitFor(() => expect(server.sockets.size).toBe(0));
  });
});

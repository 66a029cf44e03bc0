import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { run } from './cli.ts';
import type { Asset, AssetWish, OpenAssets } from './doors.ts';

const FILM: Asset = {
  id: 'film/1',
  accountId: 'default',
  url: 'https://user:pass@files.example/film.mp4?sign=canary',
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  probe: {
    durationMs: 5_025_840,
    video: { codec: 'H.264', width: 1280, height: 720, fps: 25 },
    audio: { codec: 'AAC', sampleRate: 48_000, channels: 2 },
    keyFrames: { count: 2_513, longestGapMs: 2_000 },
    bytes: 1_000,
    notes: ['A subtitle track is left out.'],
  },
};
const UNSEEN: Asset = { ...FILM, id: 'later', url: 'media://later.mp4', probe: null };
const SOUND: Asset = {
  ...FILM,
  id: 'sound',
  url: 'media://sound.mp4',
  probe: { audio: { codec: 'MP3' }, keyFrames: { count: 0, longestGapMs: 0 }, notes: [] },
};

describe('the commands of media assets', () => {
  let wishes: AssetWish[];
  let configs: Config[];
  let closed: number;
  let refusal: Error | undefined;
  beforeEach(() => {
    wishes = [];
    configs = [];
    closed = 0;
    refusal = undefined;
  });

  const open: OpenAssets = {
    assets: {
      add: async wish => {
        wishes.push(wish);
        if (refusal !== undefined) throw refusal;
        return FILM;
      },
      list: async accountId => (accountId === undefined ? [FILM, UNSEEN, SOUND] : []),
      get: async (id, accountId) => (id === FILM.id && accountId === undefined ? FILM : undefined),
      remove: async id => id === FILM.id,
    },
    addressOf: async (text, cwd) => `media:/${cwd}/${text}`,
    close: async () => {
      closed++;
    },
  };

  async function millrace(...argv: string[]) {
    let out = '';
    let err = '';
    const code = await run(['asset', ...argv], {
      terminal: {
        stdin: Readable.from([]),
        out: text => {
          out += text;
        },
        err: text => {
          err += text;
        },
        live: false,
        gone: new AbortController().signal,
        now: () => 0,
        env: {},
        cwd: '/here',
        cores: 2,
      },
      doors: async () => ({
        serve: async () => {},
        tryRelay: async () => {},
        backup: () => Promise.reject(new Error('nothing is copied here')),
        moveStore: () => Promise.reject(new Error('nothing is moved here')),
        restore: () => Promise.reject(new Error('nothing is restored here')),
        diagnose: async () => [],
        probeUrl: () => Promise.reject(new Error('not here')),
        probePush: () => Promise.reject(new Error('not here')),
        verifyWebhook: () => undefined,
        openAccounts: () => Promise.reject(new Error('no account is asked for here')),
        openAssets: async config => {
          configs.push(config);
          return open;
        },
      }),
      signal: new AbortController().signal,
      handOver: new AbortController().signal,
    });
    return { code, out, err };
  }

  it('add a file as the person means it, looked through and under an id of its own', async () => {
    const { code, out } = await millrace('add', 'film.mp4', '--media', '/films', '--data', '/state');
    expect([code, closed]).toEqual([0, 1]);
    expect(wishes).toEqual([{ url: 'media://here/film.mp4', probe: true, replace: false }]);
    expect(configs).toMatchObject([{ media: '/films', data: '/state' }]);
    expect(out).toBe(
      [
        'name        asset://film%2F1',
        'account     default',
        'address     https://***@files.example/film.mp4?***',
        'length      01:23:45.8',
        'video       H.264 1280x720 25 fps',
        'audio       AAC 48000 Hz 2 ch',
        'key frames  2513, at most 2.0 s apart',
        'created     2026-01-02T03:04:05Z',
        'note        A subtitle track is left out.',
        '',
      ].join('\n'),
    );
  });

  it('add what is told to be added, unseen, in place of another', async () => {
    const { out } = await millrace(
      ...['add', 'film.mp4', '--id', 'film', '--account', 'acme'],
      ...['--replace', '--no-probe', '--json'],
    );
    expect(wishes).toEqual([
      { url: 'media://here/film.mp4', id: 'film', accountId: 'acme', probe: false, replace: true },
    ]);
    expect(JSON.parse(out)).toMatchObject({ id: 'film/1', name: 'asset://film%2F1', probe: FILM.probe });
    expect(out).not.toMatch(/canary|pass/);
  });

  it.each([
    ['a mistake', Object.assign(new Error('the asset film stands already'), { name: 'InvalidAsset' }), 2],
    ['a file that cannot be played', new Error('the file holds no frame'), 1],
  ])('end for %s with its own code, and give the store back', async (_, error, code) => {
    refusal = error;
    expect(await millrace('add', 'film.mp4')).toEqual({ code, out: '', err: `millrace: ${error.message}\n` });
    expect(closed).toBe(1);
  });

  it('list what is known, without signatures and passwords', async () => {
    const { out } = await millrace('list');
    expect(out.replace(/ {2,}/g, ' | ')).toBe(
      [
        'ID | ACCOUNT | LENGTH | VIDEO | AUDIO | KEY FRAMES | ADDRESS',
        'film/1 | default | 01:23:45.8 | H.264 1280x720 25 fps | AAC 48000 Hz 2 ch | 2513, at most 2.0 s apart | https://***@files.example/film.mp4?***',
        'later | default | not known | not known | not known | not known | media://later.mp4',
        'sound | default | not known | none | MP3 | none | media://sound.mp4',
        '',
      ].join('\n'),
    );
    const asJson = await millrace('list', '--json');
    expect(JSON.parse(asJson.out)).toHaveLength(3);
    expect(asJson.out).not.toMatch(/canary|pass/);
    expect((await millrace('list', '--account', 'acme', '--json')).out).toBe('[]\n');
  });

  it('show an address whole only where that is asked for', async () => {
    expect((await millrace('show', 'film/1')).out).toContain('https://***@files.example/film.mp4?***\n');
    expect((await millrace('show', 'film/1', '--reveal')).out).toContain(`${FILM.url}\n`);
    expect(JSON.parse((await millrace('show', 'film/1', '--reveal', '--json')).out)).toMatchObject({
      address: FILM.url,
    });
  });

  it('say what is not there', async () => {
    const absent = { code: 3, out: '', err: 'millrace: there is no asset gone\n' };
    expect(await millrace('show', 'gone')).toEqual(absent);
    expect(await millrace('delete', 'gone')).toEqual(absent);
    expect(await millrace('show', 'film/1', '--account', 'acme')).toMatchObject({ code: 3 });
    expect(await millrace('delete', 'film/1')).toEqual({ code: 0, out: '', err: '' });
  });
});

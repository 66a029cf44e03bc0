import { describe, expect, it } from 'vitest';
import { bodyOf, changeBodyOf, draftOf, dropDraft, EMPTY_DRAFT, keepDraft, keptDraft } from './draft.ts';
import { exampleTask } from './example-task.ts';

const live = { ...EMPTY_DRAFT, url: ' rtmp://a/live/in ', destination: 'rtmp://b/live/out' };

describe('a form', () => {
  it('sends what was filled in and leaves the rest to the node', () => {
    expect(bodyOf(live)).toEqual({
      source: { kind: 'live', url: 'rtmp://a/live/in' },
      destination: { kind: 'url', url: 'rtmp://b/live/out' },
    });
  });

  it('sends numbers as numbers, and what is none as it was typed, for the node to judge', () => {
    const body = bodyOf({ ...live, delay: '2.5', tries: 'counted', retryCount: 'many', retryEvery: '5' });
    expect(body).toMatchObject({ delay_s: 2.5, retry: { count: 'many', interval_s: 5 } });
  });

  it('sends a list with its pieces', () => {
    const items = [
      { url: 'http://f/1.mp4', from: '1', to: '2.5', repeats: '' },
      { url: 'http://f/2.mp4', from: '', to: '', repeats: '3' },
    ];
    expect(bodyOf({ ...live, kind: 'list', items, endless: false, rounds: '3' }).source).toMatchObject({
      items: [
        { url: 'http://f/1.mp4', in_s: 1, out_s: 2.5 },
        { url: 'http://f/2.mp4', repeats: 3 },
      ],
      rounds: 3,
    });
  });

  it('takes lines and commas apart', () => {
    const body = bodyOf({
      ...live,
      tags: ' a, b,,',
      standby: 'rtmp://s/1\n\nrtmp://s/2\n',
      callback: 'http://c/',
      events: 'x,y',
    });
    expect(body).toMatchObject({
      tags: ['a', 'b'],
      standby: ['rtmp://s/1', 'rtmp://s/2'],
      callback: { url: 'http://c/', events: ['x', 'y'] },
    });
  });

  it('is kept until it is dropped', () => {
    keepDraft('new', live);
    expect(keptDraft('new')).toEqual(live);
    dropDraft('new');
    expect(keptDraft('new')).toBeUndefined();
  });
});

describe('a change', () => {
  const task = exampleTask({ tags: ['news'], standby: ['rtmp://s/1'], end_at: '2026-12-01T00:00:00.500Z' });
  const draft = draftOf(task);

  it('of nothing sends nothing, not even the milliseconds that a field cannot hold', () => {
    expect(changeBodyOf(draft, draft)).toEqual({});
  });

  it('sends only what is another', () => {
    expect(changeBodyOf(draft, { ...draft, name: 'other' })).toEqual({ name: 'other' });
  });

  it('says what is taken away', () => {
    const bare = { ...draft, name: '', tags: '', standby: '', ends: 'never' } as const;
    expect(changeBodyOf(draft, bare)).toEqual({ name: '', tags: [], standby: [], end_at: null });
  });

  it('never sends the destination, which stands', () => {
    expect(changeBodyOf(draft, { ...draft, destination: 'rtmp://else/live/x' })).toEqual({});
  });

  it('keeps whom the source is believed for, which the form does not show', () => {
    const tls = { pins: ['sha256/x'] };
    const pinned = draftOf(exampleTask({ source: { kind: 'live', url: 'rtmps://a/live/in', tls } }));
    expect(changeBodyOf(pinned, { ...pinned, url: 'rtmps://b/live/in' })).toEqual({
      source: { kind: 'live', url: 'rtmps://b/live/in', tls },
    });
  });

  it('keeps of a list what the form does not show', () => {
    const items = [{ url: 'http://f/1.mp4', audio_track: 2 }];
    const list = draftOf(exampleTask({ source: { kind: 'list', items, rounds: 'endless' } }));
    const body = changeBodyOf(list, { ...list, endless: false, rounds: '2' });
    expect(body).toMatchObject({ source: { items: [{ url: 'http://f/1.mp4', audio_track: 2 }], rounds: 2 } });
  });
});

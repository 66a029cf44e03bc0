import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BLUE, GREEN } from './card.ts';
import { filmOf } from './film.ts';
import { Station } from './station.ts';

export const DEMO_TAG = 'demo';
const FILM_SECONDS = 20;
const FILMS = [
  { name: 'film-1.flv', card: { ground: BLUE, number: 1 } },
  { name: 'film-2.flv', card: { ground: GREEN, number: 2 } },
] as const;

/** What the demonstration's tasks pull: a camera that is on, one that is not yet, and two films. */
export class DemoSources {
  readonly bars: Station;
  readonly broken: Station;

  private constructor(bars: Station, broken: Station) {
    this.bars = bars;
    this.broken = broken;
  }

  /** Writes the films to the folder, and goes on air. */
  static async open(mediaDir: string, now: () => number): Promise<DemoSources> {
    mkdirSync(mediaDir, { recursive: true });
    for (const { name, card } of FILMS) writeFileSync(join(mediaDir, name), filmOf(card, FILM_SECONDS));
    const bars = await Station.prepare({ ground: 'bars' }, now);
    const broken = await Station.prepare({ ground: 'bars', number: 3 }, now);
    await bars.switchOn();
    return new DemoSources(bars, broken);
  }

  async close(): Promise<void> {
    await Promise.all([this.bars.close(), this.broken.close()]);
  }
}

/** The three tasks, as the native API takes them; `rtmp` is the node's own server, where all of them go. */
export const demoTasks = ({ bars, broken }: DemoSources, rtmp: string) =>
  [
    {
      name: 'Bars',
      tags: [DEMO_TAG],
      source: { kind: 'live', url: bars.url },
      destination: { kind: 'url', url: `${rtmp}/out/bars` },
    },
    {
      name: 'Playlist',
      tags: [DEMO_TAG],
      source: { kind: 'list', items: FILMS.map(({ name }) => ({ url: `media://${name}` })), rounds: 3 },
      destination: { kind: 'url', url: `${rtmp}/out/playlist` },
    },
    {
      name: 'Broken on purpose',
      tags: [DEMO_TAG],
      source: { kind: 'live', url: broken.url },
      destination: { kind: 'url', url: `${rtmp}/out/broken` },
    },
  ] as const;

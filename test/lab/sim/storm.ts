import type { Mood } from './field.ts';
import { Past } from './past.ts';
import { RECEIVERS } from './receivers.ts';
import type { World } from './world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const DOMAIN = { name: 'ingest.sim', target: 'rtmp://out.sim', accountId: 'acme' } as const;

/** Where the media assets of a task lead to. */
export const assetUrlOf = (name: string, seconds: number): string => {
  const [key = ''] = name.split('-');
  return `http://files.sim/${key}/asset-${seconds}.mp4`;
};

/** Everything that can go wrong does, over and over, each at its own pace. */
export class Storm {
  readonly #world: World;
  readonly #anyAddress: () => string | undefined;
  #isOver = false;

  constructor(world: World, anyAddress: () => string | undefined) {
    this.#world = world;
    this.#anyAddress = anyAddress;
  }

  begin(): void {
    const past = new Past(this.#world);
    this.#often(2 * SECOND, () => past.speak());
    this.#world.weather.rough = true;
    this.#often(SECOND, () => this.#disturbPeer());
    this.#often(25 * SECOND, () => this.#world.road.cutOne());
    this.#often(70 * SECOND, () => this.#killControl());
    this.#often(2 * MINUTE, () => this.#killWorker());
    this.#often(2 * MINUTE, () => this.#freeze());
    this.#often(6 * MINUTE, () => void this.#world.node?.close());
    this.#often(MINUTE, () => this.#disturbDisk());
    this.#often(4 * MINUTE, () => this.#setWall());
    this.#often(30 * SECOND, () => this.#disturbReceiver());
    this.#often(2 * MINUTE, () => this.#loseDomain());
    this.#often(20 * SECOND, () => this.#moveAsset());
    this.#often(MINUTE, () => this.#plantBug());
  }

  /** Nothing fails any more, and what failed is well again. */
  end(): void {
    this.#isOver = true;
    this.#world.weather.clear();
    this.#world.field.heal();
    this.#world.receivers.heal();
    this.#world.healDisk();
  }

  #often(meanMs: number, act: () => void): void {
    this.#later(meanMs, () => {
      this.#often(meanMs, act);
      act();
    });
  }

  #later(meanMs: number, act: () => void): void {
    const { timeline, chance, nature } = this.#world;
    timeline.after(chance.around(meanMs), nature, () => {
      if (!this.#isOver) act();
    });
  }

  #disturbPeer(): void {
    const { field, chance } = this.#world;
    const address = this.#anyAddress();
    if (address === undefined) return;
    const moods: readonly [Mood, ...Mood[]] = ['refuses', 'away', 'flaps', 'flaps', 'silent', 'slow'];
    field.setMood(address, chance.pick(moods));
    this.#later(25 * SECOND, () => field.setMood(address, 'well'));
  }

  /** At once, or in the middle of something. */
  #killControl(): void {
    const { node, weather, chance } = this.#world;
    if (node === undefined) return;
    if (chance.happens(0.3)) node.life.end();
    else weather.doom(node.life, chance.whole(0, 60));
  }

  #killWorker(): void {
    const { computer, chance } = this.#world;
    const process = chance.one(computer.processes);
    if (process !== undefined) computer.kill(process.pid, chance.pick(['SIGKILL', 'SIGKILL', 'SIGTERM']));
  }

  #freeze(): void {
    const { computer, node, timeline, chance } = this.#world;
    const lives = [...computer.processes, ...(node === undefined ? [] : [node])].map(({ life }) => life);
    const life = chance.one(lives);
    if (life !== undefined) life.frozenUntilMs = timeline.elapsed() + chance.whole(200, 8_000);
  }

  #disturbDisk(): void {
    const { weather, chance } = this.#world;
    weather.disk = chance.pick(['slow', 'busy', 'full']);
    this.#later(8 * SECOND, () => {
      weather.disk = 'fine';
    });
  }

  #setWall(): void {
    const { timeline, chance } = this.#world;
    const size = chance.happens(0.03) ? DAY : chance.happens(0.2) ? HOUR : chance.whole(1, 120) * SECOND;
    timeline.setWall(chance.happens(0.5) ? size : -size);
    this.#world.trace(`the wall clock is set ${size} apart`);
  }

  #disturbReceiver(): void {
    const { receivers, chance } = this.#world;
    const host = chance.pick(RECEIVERS);
    receivers.setManners(host, chance.pick(['slow', 'fails', 'hangs', 'away']));
    this.#later(40 * SECOND, () => receivers.setManners(host, 'well'));
  }

  #loseDomain(): void {
    const { disk } = this.#world;
    disk.domains.delete(DOMAIN.name);
    this.#later(20 * SECOND, () => disk.domains.set(DOMAIN.name, DOMAIN));
  }

  /** An operator leads an asset elsewhere, or takes it away. */
  #moveAsset(): void {
    const { disk, chance } = this.#world;
    const asset = chance.one([...disk.assets.values()]);
    if (asset === undefined) return;
    const place = `${asset.accountId}/${asset.id}`;
    if (chance.happens(0.3)) disk.assets.delete(place);
    else disk.assets.set(place, { ...asset, url: assetUrlOf(asset.id, chance.whole(20, 90)) });
    disk.assetsRevision++;
  }

  #plantBug(): void {
    const item = this.#world.chance.one([...this.#world.field.items]);
    if (item !== undefined) item.bug = true;
  }
}

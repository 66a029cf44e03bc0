import { isDeepStrictEqual } from 'node:util';
import type { Owner, Tasks } from '../../../src/control/tasks.ts';
import { StoreFault } from '../../../src/store/store-fault.ts';
import { InvalidTask, UnknownTask, WrongStatus } from '../../../src/task/error.ts';
import type { Playlist } from '../../../src/task/playlist.ts';
import { mergeSpec, type SpecChange, type TaskSpec } from '../../../src/task/spec.ts';
import type { Task } from '../../../src/task/task.ts';
import type { Chance } from './chance.ts';
import type { ControlNode } from './control-node.ts';
import { RECEIVERS } from './receivers.ts';
import { DOMAIN } from './storm.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const OWNER: Owner = { accountId: 'acme', projectId: 'north' };
const FILES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

export interface CustomerParts {
  readonly chance: Chance;
  /** Wall clock. */
  readonly now: () => number;
  readonly node: () => ControlNode | undefined;
  readonly broken: (law: string) => void;
}

/** The owner of one task: knows what was answered, and holds the house to it. */
export class Customer {
  readonly key: string;
  readonly #parts: CustomerParts;
  taskId: string | undefined;
  /** The task's settings as they were last answered; undefined while that is not known for certain. */
  spec: TaskSpec | undefined;
  /** It was deleted, perhaps. */
  gone: 'no' | 'perhaps' | 'yes' = 'no';
  /** Paused by the last answer of all; says nothing where the settings are not known. */
  paused = false;
  /** A call of its own is still to be answered. */
  isBusy = false;

  constructor(key: string, parts: CustomerParts) {
    this.key = key;
    this.#parts = parts;
  }

  /** The names of its media assets. */
  get assets(): readonly string[] {
    return FILES.map(name => `${this.key}-${name}`);
  }

  /** Where its stream is pushed to in the end. */
  get destination(): string {
    return `rtmp://out.sim/live/${this.key}`;
  }

  create(spec: TaskSpec): Promise<void> {
    return this.#call(async tasks => {
      const task = await tasks.create(OWNER, spec);
      this.taskId = task.id;
      this.spec = spec;
      this.paused = !spec.enabled;
      this.#compare(task);
    });
  }

  /** Something that a customer does now and then. */
  act(): Promise<void> {
    const { chance } = this.#parts;
    const deeds = [
      () => this.#edit(),
      () => this.#edit(),
      () => this.#turn(false),
      () => this.#turn(true),
      () => this.#turn(true),
      () => this.#restart(),
      () => this.look(),
    ] as const;
    return chance.pick(deeds)();
  }

  /** What it finds has to be what it was answered. */
  look(): Promise<void> {
    return this.#ask(async (tasks, id) => {
      const task = await tasks.get(OWNER, id);
      tasks.position(task);
      if (this.spec === undefined) this.#learn(task);
      else this.#compare(task);
    });
  }

  delete(): Promise<void> {
    return this.#ask(async (tasks, id) => {
      if (this.gone === 'no') this.gone = 'perhaps';
      await tasks.delete(OWNER, id);
      this.gone = 'yes';
    });
  }

  #edit(): Promise<void> {
    const { chance, now } = this.#parts;
    return this.#change(task => editOf(task, { chance, now: now(), key: this.key }));
  }

  #turn(enabled: boolean): Promise<void> {
    return this.#change(() => ({ enabled }));
  }

  #restart(): Promise<void> {
    return this.#ask(async (tasks, id) => {
      const before = this.spec;
      this.spec = undefined;
      const task = await tasks.restart(OWNER, id);
      this.spec = before && { ...before, enabled: true };
      this.paused = false;
      if (this.spec === undefined) this.#learn(task);
      else this.#compare(task);
    });
  }

  #change(wanted: (spec: TaskSpec) => SpecChange): Promise<void> {
    return this.#ask(async (tasks, id) => {
      const before = this.spec;
      this.spec = undefined;
      let patch: SpecChange = {};
      const task = await tasks.change(OWNER, id, ({ spec }) => {
        patch = wanted(spec);
        return patch;
      });
      if (patch.enabled !== undefined) this.paused = !patch.enabled;
      if (before === undefined) return this.#learn(task);
      this.spec = mergeSpec(before, patch);
      this.#compare(task);
    });
  }

  #learn(task: Task): void {
    this.spec = task.spec;
    this.paused = !task.spec.enabled;
  }

  #compare({ id, spec }: Task): void {
    if (this.spec === undefined || isDeepStrictEqual(spec, this.spec)) return;
    this.#parts.broken(
      `${id} is not as its owner was answered: ${JSON.stringify(spec)} / ${JSON.stringify(this.spec)}`,
    );
  }

  /** Asks for its task, where it was told its id. */
  async #ask(call: (tasks: Tasks, id: string) => Promise<void>): Promise<void> {
    const { taskId } = this;
    if (taskId !== undefined) await this.#call(tasks => call(tasks, taskId));
  }

  /** One call at a time. Where the process dies, it is not known what has become of it. */
  async #call(call: (tasks: Tasks) => Promise<void>): Promise<void> {
    const node = this.#parts.node();
    if (node?.isOpen !== true || this.isBusy || this.gone === 'yes') return;
    this.isBusy = true;
    const before = { spec: this.spec, paused: this.paused };
    const { promise: died, reject } = Promise.withResolvers<never>();
    node.life.onEnd(() => reject(new Error('the connection was lost')));
    try {
      await Promise.race([call(node.tasks), died]);
    } catch (error) {
      this.#suffer(error, before);
    } finally {
      this.isBusy = false;
    }
  }

  #suffer(error: unknown, before: { readonly spec: TaskSpec | undefined; readonly paused: boolean }): void {
    const isRefusal = error instanceof InvalidTask || error instanceof WrongStatus;
    // Refused, it changed nothing.
    if (isRefusal || error instanceof StoreFault) Object.assign(this, before);
    else if (error instanceof UnknownTask) this.#miss();
    else if (!(error instanceof Error && error.message === 'the connection was lost')) throw error;
  }

  #miss(): void {
    if (this.gone === 'no') this.#parts.broken(`${this.taskId} is not known any more`);
    this.gone = 'yes';
  }
}

interface Edit {
  readonly chance: Chance;
  readonly now: number;
  readonly key: string;
}

/** What an edit of either dialect may change. */
function editOf(spec: TaskSpec, edit: Edit): SpecChange {
  const { chance, now } = edit;
  const edits = [
    () => ({ source: sourceOf(spec, edit) }),
    () => ({ source: sourceOf(spec, edit) }),
    () => ({ endAt: Math.max(now, spec.startAt) + airTimeOf(spec.source, chance) }),
    () => ({ startAt: Math.min(now + chance.around(HOUR), spec.endAt - MINUTE) }),
    () => ({ callback: callbackOf(chance) }),
    () => ({ standby: standbyOf(edit) }),
    () => ({ retry: retryOf(spec.dialect, chance) }),
    () => ({ name: `name ${chance.whole(1, 9)}`, source: sourceOf(spec, edit), endAt: spec.endAt + MINUTE }),
  ] as const;
  return chance.pick(edits)();
}

export function sourceOf({ source }: Pick<TaskSpec, 'source'>, { chance, key }: Edit): TaskSpec['source'] {
  if (source.kind === 'live') {
    return { kind: 'live', url: `rtmp://${chance.pick(['a', 'b'])}.sim/live/${key}?sign=${chance.whole(1, 3)}` };
  }
  const items = Array.from({ length: chance.whole(1, 5) }, () => ({ url: fileOf(chance, key) }));
  const isSame = chance.happens(0.3);
  const list: Playlist = { ...source, items: isSame ? source.items : items };
  const startIndex = chance.whole(0, list.items.length - 1);
  return { kind: 'list', ...list, startIndex, rounds: chance.pick<Playlist['rounds']>(['endless', 1, 2, 20]) };
}

function fileOf(chance: Chance, key: string): string {
  const name = chance.pick(FILES);
  if (chance.happens(0.1)) return `asset://${key}-${name}`;
  return `http://files.sim/${key}/${name}-${chance.happens(0.02) ? 2 : chance.pick([0, 30, 90, 600, 600, 3_600])}.mp4`;
}

/** A list costs a simulation much more than a stream, hour by hour. */
const airTimeOf = ({ kind }: TaskSpec['source'], chance: Chance): number =>
  kind === 'list'
    ? MINUTE + Math.min(4 * HOUR, chance.around(HOUR / 3))
    : Math.min(6 * DAY, chance.pick([10 * MINUTE, 6 * HOUR, DAY, 3 * DAY]) + chance.around(2 * HOUR));

const standbyOf = ({ chance, key }: Pick<Edit, 'chance' | 'key'>): readonly string[] =>
  chance.happens(0.6) ? [] : ['one', 'two'].slice(0, chance.whole(1, 2)).map(name => `rtmp://${name}.sim/live/${key}`);

const callbackOf = (chance: Chance): TaskSpec['callback'] =>
  chance.happens(0.2)
    ? null
    : {
        url: `http://${chance.pick(RECEIVERS)}/hook?key=${chance.whole(1, 9)}`,
        events: [],
        ...(chance.happens(0.3) ? { key: 'secret', signed: true } : {}),
      };

const retryOf = (dialect: TaskSpec['dialect'], chance: Chance): TaskSpec['retry'] =>
  dialect === 'huawei' || chance.happens(0.5)
    ? null
    : { count: chance.whole(0, 20), intervalMs: 1_000 * chance.pick([1, 10, 60, 300]) };

/** A wish in the words of one dialect or the other. */
export function wishOf(customer: Pick<Customer, 'key' | 'destination'>, given: Omit<Edit, 'key'>): TaskSpec {
  const { chance, now } = given;
  const { key } = customer;
  const dialect = chance.pick<TaskSpec['dialect']>(['huawei', 'alibaba']);
  const startAt = now + (chance.happens(0.25) ? 0 : chance.around(2 * DAY));
  const isList = chance.happens(0.2);
  const seed: TaskSpec['source'] = isList
    ? {
        kind: 'list',
        items: [],
        rounds: 1,
        startIndex: 0,
        startSeconds: chance.pick([0, 0, 15]),
        refresh: chance.pick(['newSource', 'fileStart', 'breakpoint']),
      }
    : { kind: 'live', url: '' };
  const first = sourceOf({ source: seed }, { ...given, key });
  const items = Array.from({ length: chance.whole(1, 5) }, () => ({ url: fileOf(chance, key) }));
  return {
    dialect,
    name: '',
    region: 'default',
    source: first.kind === 'list' ? { ...first, items, startIndex: 0 } : first,
    standby: standbyOf({ chance, key }),
    destination: chance.happens(0.3)
      ? { kind: 'ingest', domain: DOMAIN.name, app: 'live', stream: key, args: '' }
      : { kind: 'url', url: customer.destination, args: '' },
    startAt,
    endAt: startAt + airTimeOf(seed, chance),
    callback: callbackOf(chance),
    enabled: dialect === 'alibaba' || chance.happens(0.9),
    retry: retryOf(dialect, chance),
    echo: chance.happens(0.3) ? { NotifyItemSwitch: 'yes' } : {},
  };
}

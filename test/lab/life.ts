import { randomBytes, randomUUID } from 'node:crypto';
import { renderNative } from '../../src/api/native/callback.ts';
import { Record as TaskRecord } from '../../src/control/record.ts';
import { Tasks } from '../../src/control/tasks.ts';
import { timedIds } from '../../src/control/timed-ids.ts';
import { redactUrl } from '../../src/media/address.ts';
import type { LoggedEvent, Store } from '../../src/store/store.ts';
import type { DialectName, TaskSpec } from '../../src/task/spec.ts';
import { answerWith, countedFile, Web } from './counted-files.ts';
import { CountedSource } from './counted-source.ts';
import { type Hook, openHook, type Told } from './hook.ts';
import { Millrace } from './millrace.ts';
import { Oracle } from './oracle.ts';
import type { Place } from './place.ts';
import { until } from './wait.ts';

const HOUR_MS = 3_600_000;
const FILE_SECONDS = 5;
const MOST_EVENTS = 1000;
const FILES = ['a', 'b'] as const;

interface Stage {
  readonly node: Millrace;
  readonly store: Store;
  readonly web: Web;
  readonly standby: CountedSource;
  readonly oracle: Oracle;
  readonly hook: Hook;
}

/** A real node, what its tasks play and where they play it, and the node's own store to look into. */
export async function stage(place: Place): Promise<Stage> {
  const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
  const store = await node.openStore(place);
  const [web, hook] = [await Web.start(place), await openHook(place)];
  const [standby, oracle] = [await CountedSource.start(place, { shape: { tag: 's' } }), await Oracle.start(place)];
  return { node, store, web, standby, oracle, hook };
}

/** One task that plays two files, and what became known of it. Each dialect's task has files of its own. */
export class Life {
  readonly #stage: Stage;
  readonly #dialect: DialectName;
  readonly #film = countedFile(FILE_SECONDS);
  #taskId = '';

  constructor(stage: Stage, dialect: DialectName) {
    this.#stage = stage;
    this.#dialect = dialect;
  }

  /** From its creation to its end: each step waits for what the former one leads to. */
  async live(): Promise<void> {
    await this.#create();
    await this.#modify({ source_urls: this.#addFiles() });
    await this.#modify({ start_time: `${new Date(Date.now() - 2_000).toISOString().slice(0, 19)}Z` });
    await this.#has('the second file plays', startsOf(2));
    await until('the next one is in memory', () => this.#asked('a') >= 2);
    this.#loseFiles();
    await this.#has('the standby is on air', switched(true));
    this.#addFiles();
    await this.#has('the list is on air', switched(false));
    await this.#has('nothing is wrong', events => openAlarms(events) === 0);
    await this.#modify({ status: 'pause' });
    await this.#modify({ status: 'enable' });
    await this.#has('it plays again', events => startsOf(1)(events.slice(events.findIndex(isPause))));
    await this.#remove();
    await this.#settles();
  }

  /** Beside the node, on its store: so it can be of any dialect, and differ in nothing else. */
  async #create(): Promise<void> {
    const { node, store } = this.#stage;
    const accountId = (await store.accounts())[0]?.id ?? '';
    const newId = timedIds({ now: Date.now, randomBytes });
    const render = { native: renderNative({ redact: redactUrl }) };
    const record = new TaskRecord({ store, now: Date.now, newId, render, onEvent: [], log: () => undefined });
    const parts = { store, record, breakpoints: { latest: () => undefined }, now: Date.now, newId: randomUUID };
    const task = await new Tasks(parts).create({ accountId, projectId: node.key.projectId }, this.#spec());
    this.#taskId = task.id;
  }

  #spec(): TaskSpec {
    const { standby, oracle, hook } = this.#stage;
    const dialect = this.#dialect;
    return {
      ...{ dialect, name: 'life', region: 'cn-north-4', enabled: true, retry: null },
      source: {
        ...{ kind: 'list', items: [{ url: this.#put('a') }], rounds: 'endless', refresh: 'newSource' },
        ...{ startIndex: 0, startSeconds: 0 },
      },
      standby: [standby.url()],
      destination: { kind: 'url', url: oracle.url(dialect), args: '' },
      startAt: secondsOf(Date.now() + HOUR_MS),
      endAt: secondsOf(Date.now() + 2 * HOUR_MS),
      callback: { url: `${hook.base}/${dialect}`, events: [] },
      echo: dialect === 'alibaba' ? { NotifyItemSwitch: 'yes' } : {},
    };
  }

  #put(file: string): string {
    return this.#stage.web.put(`/${this.#dialect}/${file}.flv`, this.#film);
  }

  /** Both files are there. */
  #addFiles(): string[] {
    return FILES.map(file => this.#put(file));
  }

  #loseFiles(): void {
    for (const file of FILES) this.#stage.web.put(`/${this.#dialect}/${file}.flv`, answerWith(404));
  }

  #asked(file: string): number {
    return this.#stage.web.asked.filter(({ path }) => path === `/${this.#dialect}/${file}.flv`).length;
  }

  async #modify(change: object): Promise<void> {
    const { status, body } = await this.#stage.node.huawei.call({
      method: 'PUT',
      body: { task_id: this.#taskId, ...change },
    });
    if (status !== 200) throw new Error(`the task cannot be modified: ${JSON.stringify(body)}`);
  }

  async #remove(): Promise<void> {
    await this.#stage.node.huawei.remove(this.#taskId);
  }

  async events(): Promise<readonly LoggedEvent[]> {
    const accountId = (await this.#stage.store.accounts())[0]?.id ?? '';
    return this.#stage.store.eventLog({ accountId, taskId: this.#taskId }, { after: 0, limit: MOST_EVENTS });
  }

  /** Waits for it to be in the log. */
  async #has(what: string, holds: (events: readonly LoggedEvent[]) => boolean): Promise<void> {
    const options = { timeoutMs: 60_000, everyMs: 50 };
    await until(`${this.#dialect}: ${what}`, async () => holds(await this.events()), options);
  }

  /** Waits until whatever was to be told is told. */
  async #settles(): Promise<void> {
    const accountId = (await this.#stage.store.accounts())[0]?.id ?? '';
    const filter = { accountId, taskId: this.#taskId, states: ['waiting' as const] };
    await until('all is told', async () => (await this.#stage.store.deliveries(filter, { limit: 1 })).length === 0);
  }

  /** What its callbacks are signed with. */
  async secrets(): Promise<readonly string[]> {
    const accountId = (await this.#stage.store.accounts())[0]?.id ?? '';
    return (await this.#stage.store.callbackSecrets(accountId)).map(({ secret }) => secret);
  }

  get told(): readonly Told[] {
    return this.#stage.hook.told.filter(({ path }) => path === `/${this.#dialect}`);
  }

  /** The same text whatever the ports and the ids of this run. */
  plain(text: string): string {
    const { web, standby, oracle, hook } = this.#stage;
    const names: readonly (readonly [string, string])[] = [
      ...[[`${web.base}/${this.#dialect}`, 'WEB'] as const, [web.base, 'WEB'] as const],
      ...[[hook.base, 'HOOK'] as const, [this.#taskId, 'TASK'] as const],
      ...[[`127.0.0.1:${standby.port}`, 'STANDBY'] as const, [`127.0.0.1:${oracle.port}`, 'ORACLE'] as const],
      [this.#stage.node.key.projectId, 'PROJECT'] as const,
    ];
    return names.reduce((plain, [address, name]) => plain.replaceAll(address, name), text);
  }
}

const secondsOf = (ms: number): number => Math.floor(ms / 1000) * 1000;

const startsOf =
  (count: number) =>
  (events: readonly LoggedEvent[]): boolean =>
    events.filter(({ type }) => type === 'itemStarted').length >= count;

const switched =
  (set: boolean) =>
  (events: readonly LoggedEvent[]): boolean =>
    events.some(({ detail }) => detail.alarm === 'SwitchedToStandby' && detail.set === set);

const openAlarms = (events: readonly LoggedEvent[]): number =>
  events.reduce((open, { detail: { set } }) => open + (set === undefined ? 0 : set ? 1 : -1), 0);

const isPause = ({ type }: LoggedEvent): boolean => type === 'stopped';

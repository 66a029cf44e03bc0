import { randomBytes, randomUUID } from 'node:crypto';
import { renderHuawei } from '../../src/api/huawei/callback.ts';
import { Record as TaskRecord } from '../../src/control/record.ts';
import { timedIds } from '../../src/control/timed-ids.ts';
import type { Store } from '../../src/store/store.ts';
import type { TaskSpec } from '../../src/task/spec.ts';
import type { Millrace } from '../../test/lab/millrace.ts';
import type { Place } from '../../test/lab/place.ts';

const HOUR_MS = 3_600_000;
const AT_ONCE = 256;

/** The store of a node, opened beside it or while it is down, and a record that writes into it. */
export interface Beside {
  readonly store: Store;
  readonly record: TaskRecord;
  readonly accountId: string;
}

export async function openBeside(place: Place, node: Millrace): Promise<Beside> {
  const store = await node.openStore(place);
  const newId = timedIds({ now: Date.now, randomBytes });
  const render = { huawei: renderHuawei };
  const record = new TaskRecord({ store, now: Date.now, newId, render, onEvent: [], log: () => undefined });
  return { store, record, accountId: (await store.accounts())[0]?.id ?? '' };
}

/** Tasks that play files and start in an hour; answers their ids. */
export function createTasks(
  { record, accountId }: Beside,
  { count, projectId, url }: { readonly count: number; readonly projectId: string; readonly url: string },
): Promise<string[]> {
  const now = Date.now();
  const spec: TaskSpec = {
    ...{ dialect: 'huawei', name: '', region: 'cn-north-4', standby: [], enabled: true, retry: null, echo: {} },
    source: {
      ...{ kind: 'list', items: [{ url: 'http://m.example/a.mp4' }], rounds: 1, refresh: 'newSource' },
      ...{ startIndex: 0, startSeconds: 0 },
    },
    destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
    ...{ startAt: now + HOUR_MS, endAt: now + 2 * HOUR_MS, callback: { url, events: [] } },
  };
  return eachOf(count, async () => (await record.create({ id: randomUUID(), accountId, projectId, spec })).id);
}

/** Some at a time; answers what each came to, in order. */
export async function eachOf<T>(count: number, act: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => act(from + i));
    results.push(...(await Promise.all(some)));
  }
  return results;
}

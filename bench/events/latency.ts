import { dice, percentile } from '../../test/lab/films.ts';
import { openHook } from '../../test/lab/hook.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { pass, until } from '../../test/lab/wait.ts';
import { createTasks, openBeside } from './beside.ts';
import { figure, type Subject } from './measure.ts';

const TASKS = 1_000;
const EVENTS = 3_000;
const GAP_MS = 10;

/** Edits of a thousand tasks through the API, a hundred a second, each told to one receiver. */
export const latency: Subject = {
  row: 'latency',
  what: `${TASKS} tasks, an edit each ${GAP_MS} ms: from the event's own time, which lies before its commit, to the receiver`,
  measure: async (place, { scale, tell, signal }) => {
    const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
    const receiver = await openHook(place);
    const { projectId } = node.key;
    const tasks = await createTasks(await openBeside(place, node), { count: TASKS, projectId, url: receiver.url });
    const [chance, events] = [dice(1), Math.round(EVENTS * scale)];
    tell(`${TASKS} tasks, ${events} edits`);
    const edits: Promise<void>[] = [];
    const startedMs = performance.now();
    for (let i = 0; i < events; i++) {
      signal.throwIfAborted();
      edits.push(edit(node, tasks[chance(TASKS)] ?? '', i));
      await pass(Math.max(0, startedMs + (i + 1) * GAP_MS - performance.now()));
    }
    await Promise.all(edits);
    await until('all is told', () => receiver.told.length >= events, { timeoutMs: 60_000 });
    const waits = receiver.told.map(({ at, body }) => at - Number(body.event_timestamp));
    return [
      figure('event to the first byte at its receiver, p50', percentile(waits, 0.5), 'ms', '<= 300'),
      figure('the same, p99', percentile(waits, 0.99), 'ms', '<= 300'),
      figure('the same, longest', Math.max(...waits), 'ms', '<= 1000'),
    ];
  },
};

/** Another end each time, so that it is news. */
async function edit(node: Millrace, taskId: string, i: number): Promise<void> {
  const endAt = new Date(Date.now() + 86_400_000 + i * 1_000).toISOString().slice(0, 19);
  const answer = await node.huawei.call({ method: 'PUT', body: { task_id: taskId, end_time: `${endAt}Z` } });
  if (answer.status !== 200) throw new Error(`an edit was answered with ${answer.status}`);
}

import { openHook, type Told } from '../../test/lab/hook.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { until } from '../../test/lab/wait.ts';
import { createTasks, eachOf, openBeside } from './beside.ts';
import { figure, type Subject } from './measure.ts';

const TASKS = 10_000;
/** Every so many is edited before its end, so that there is an order to keep. */
const EDITED = 10;

/** What stands in the outbox of a node when it starts: the ends of ten thousand tasks, all due. */
export const burst: Subject = {
  row: 'burst',
  what: `${TASKS} TaskExit to one receiver, all due at once, of every ${EDITED}th task an edit before it`,
  measure: async (place, { scale, tell, signal }) => {
    const count = Math.round(TASKS * scale);
    const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
    await node.stop();
    const receiver = await openHook(place);
    const beside = await openBeside(place, node);
    const tasks = await createTasks(beside, { count, projectId: node.key.projectId, url: receiver.url });
    const { record } = beside;
    const edit = { type: 'changed', cause: 'user', reason: '', detail: { changed: ['endAt'] } } as const;
    const end = { type: 'deleted', cause: 'user', reason: 'deleted by the user' } as const;
    await eachOf(count, i => record.tell(tasks[i] ?? '', () => (i % EDITED === 0 ? [edit, end] : [end])));
    const due = count + Math.ceil(count / EDITED);
    tell(`${due} callbacks are due`);
    signal.throwIfAborted();
    const startedAt = Date.now();
    await node.restart();
    await until('all is told', () => receiver.told.length >= due, { timeoutMs: 180_000, everyMs: 50 }).catch(tell);
    const lastAt = Math.max(...receiver.told.map(({ at }) => at));
    const ends = new Set(of(receiver.told, 'TaskExit'));
    return [
      figure('all there, from the start of the node', (lastAt - startedAt) / 1000, 's', '<= 60'),
      figure('lost', tasks.filter(id => !ends.has(id)).length, 'callbacks', '0'),
      figure('out of order', outOfOrder(receiver.told), 'tasks', '0'),
      figure('told more than once', receiver.told.length - due, 'callbacks', '0'),
    ];
  },
};

const of = (told: readonly Told[], type: string): string[] =>
  told.flatMap(({ body }) => (body.event_type === type ? body.task_id : []));

function outOfOrder(told: readonly Told[]): number {
  const seen = new Map<string, string>();
  let count = 0;
  for (const { event_type, task_id } of told.map(({ body }) => body)) {
    if (event_type === 'ResetTaskConfig' && seen.get(task_id) === 'TaskExit') count++;
    seen.set(task_id, event_type);
  }
  return count;
}

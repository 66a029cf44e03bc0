import { useSignal } from '@preact/signals';
import { asProblem, call, type Problem } from '../api.ts';
import type { TaskVerb } from '../copies.ts';
import type { Task } from '../model.ts';
import { isOnAir, loadTasks } from '../tasks.ts';
import { may } from '../visitor.ts';
import { t } from '../words.ts';
import { destinationText, nameOf, sourceText } from './addresses.tsx';
import { Dialog } from './dialog.tsx';
import { sentenceOf } from './problem-note.tsx';

type BulkVerb = Extract<TaskVerb, 'start' | 'stop'>;

const concerned = (tasks: readonly Task[], verb: BulkVerb): readonly Task[] =>
  tasks.filter(task => task.status.word !== 'exited' && task.enabled === (verb === 'stop'));

/** What can be done with all that the filter has left over. */
export function Bulk({ tasks }: { readonly tasks: readonly Task[] }) {
  const asked = useSignal<BulkVerb | undefined>(undefined);
  return (
    <details>
      <summary>{t('bulk.title', { n: tasks.length })}</summary>
      <div class="row">
        {may('millrace:tasks:operate') &&
          (['start', 'stop'] as const).map(verb => (
            <button
              key={verb}
              type="button"
              disabled={concerned(tasks, verb).length === 0}
              onClick={() => (asked.value = verb)}
            >
              {t(`bulk.${verb}`, { n: concerned(tasks, verb).length })}
            </button>
          ))}
        <button type="button" onClick={() => download('tasks.csv', csvOf(tasks))}>
          CSV
        </button>
        <button type="button" onClick={() => download('tasks.json', JSON.stringify(tasks, null, 2))}>
          JSON
        </button>
      </div>
      {asked.value !== undefined && (
        <AskBulk tasks={concerned(tasks, asked.value)} verb={asked.value} onClose={() => (asked.value = undefined)} />
      )}
    </details>
  );
}

interface AskBulkProps {
  readonly tasks: readonly Task[];
  readonly verb: BulkVerb;
  readonly onClose: () => void;
}

/** One after the other, so that the node is not flooded; what fails is told and does not end the rest. */
function AskBulk({ tasks, verb, onClose }: AskBulkProps) {
  // What is on the page changes while it goes on.
  const chosen = useSignal(tasks);
  const done = useSignal(0);
  const isBusy = useSignal(false);
  const failed = useSignal<readonly { readonly task: Task; readonly problem: Problem }[]>([]);
  const act = async (): Promise<void> => {
    isBusy.value = true;
    for (const task of chosen.peek()) {
      await call('POST', `/tasks/${task.id}/${verb}`).catch(error => {
        failed.value = [...failed.peek(), { task, problem: asProblem(error) }];
      });
      done.value++;
    }
    void loadTasks();
    isBusy.value = false;
    if (failed.peek().length === 0) onClose();
  };
  const onAir = chosen.value.filter(isOnAir).length;
  return (
    <Dialog title={t(`bulk.${verb}`, { n: chosen.value.length })} onClose={onClose}>
      {verb === 'stop' && <p>{t('bulk.stop_why', { n: onAir })}</p>}
      {isBusy.value && <progress value={done.value} max={chosen.value.length} aria-label={t('bulk.progress')} />}
      <ul>
        {failed.value.map(({ task, problem }) => (
          <li key={task.id} class="bad">
            {nameOf(task)}: {sentenceOf(problem)}
          </li>
        ))}
      </ul>
      <div class="row">
        <button type="button" class="primary" disabled={isBusy.value || done.value > 0} onClick={() => void act()}>
          {t(`task.${verb}`)}
        </button>
        <button type="button" onClick={onClose}>
          {t('action.close')}
        </button>
      </div>
    </Dialog>
  );
}

const HEAD = ['id', 'name', 'status', 'reason', 'source', 'destination', 'start_at', 'end_at', 'tags'];

/** RFC 4180. A spreadsheet takes a cell that begins like a formula for one, so that gets an apostrophe before it. */
export function csvOf(tasks: readonly Task[]): string {
  const cell = (text: string): string => `"${text.replace(/^(?=[=+@\t\r-])/, "'").replaceAll('"', '""')}"`;
  const rows = tasks.map(task => [
    ...[task.id, task.name, task.status.word, task.status.reason, sourceText(task), destinationText(task.destination)],
    ...[task.start_at ?? '', task.end_at ?? '', task.tags.join(' ')],
  ]);
  return [HEAD, ...rows].map(row => `${row.map(cell).join(',')}\r\n`).join('');
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text]));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}

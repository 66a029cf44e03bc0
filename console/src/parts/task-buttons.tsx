import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { changeOf, type TaskVerb } from '../copies.ts';
import type { Task } from '../model.ts';
import { go, href } from '../router.ts';
import { forgetTask, isOnAir, keepTask, refreshTask } from '../tasks.ts';
import { may } from '../visitor.ts';
import { t } from '../words.ts';
import { nameOf } from './addresses.tsx';
import { CopyAs } from './copy-as.tsx';
import { Dialog } from './dialog.tsx';
import { ProblemNote } from './problem-note.tsx';

/** What can be done with a task as it stands. */
const verbsOf = (task: Task): readonly TaskVerb[] => {
  if (task.status.word === 'exited') return ['delete'];
  if (isOnAir(task)) return ['stop', 'restart', 'delete'];
  return task.enabled ? ['stop', 'delete'] : ['start', 'delete'];
};

const ACTION_OF: Readonly<Record<TaskVerb, string>> = {
  start: 'millrace:tasks:operate',
  stop: 'millrace:tasks:operate',
  restart: 'millrace:tasks:operate',
  delete: 'millrace:tasks:delete',
};

export function TaskButtons({ task }: { readonly task: Task }) {
  const asked = useSignal<TaskVerb | undefined>(undefined);
  return (
    <div class="row">
      {verbsOf(task)
        .filter(verb => may(ACTION_OF[verb]))
        .map(verb => (
          <button
            key={verb}
            type="button"
            class={verb === 'delete' ? 'danger' : ''}
            onClick={() => (asked.value = verb)}
          >
            {t(`task.${verb}`)}
          </button>
        ))}
      {task.status.word !== 'exited' && may('millrace:tasks:change') && (
        <a class="button" href={href(['tasks', task.id, 'edit'])}>
          {t('task.edit')}
        </a>
      )}
      {asked.value !== undefined && (
        <AskFirst task={task} verb={asked.value} onClose={() => (asked.value = undefined)} />
      )}
    </div>
  );
}

interface AskProps {
  readonly task: Task;
  readonly verb: TaskVerb;
  readonly onClose: () => void;
}

/** Says what it means for the viewers before it is done. */
function AskFirst({ task, verb, onClose }: AskProps) {
  const { problem, isBusy, act } = useActing();
  const change = changeOf(task, verb);
  const carry = (): Promise<void> =>
    act(async () => {
      await carryOut(task, verb);
      onClose();
    });
  const key = isOnAir(task) ? 'on_air' : 'off_air';
  return (
    <Dialog title={t(`ask.${verb}`, { name: nameOf(task) })} onClose={onClose}>
      <p>{t(`ask.${verb}.${key}`)}</p>
      <ProblemNote problem={problem} />
      <div class="row">
        <button
          type="button"
          class={verb === 'delete' ? 'danger' : 'primary'}
          disabled={isBusy}
          onClick={() => void carry()}
        >
          {t(`task.${verb}`)}
        </button>
        <button type="button" onClick={onClose}>
          {t('action.cancel')}
        </button>
      </div>
      <CopyAs change={change} />
    </Dialog>
  );
}

async function carryOut(task: Task, verb: TaskVerb): Promise<void> {
  const { method, path } = changeOf(task, verb);
  const told = await call<Task | undefined>(method, path);
  if (verb === 'delete') {
    forgetTask(task.id);
    go(['tasks']);
  } else if (told !== undefined && 'status' in told) keepTask(told);
  else await refreshTask(task.id);
}

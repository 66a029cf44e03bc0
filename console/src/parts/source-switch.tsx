import { useSignal } from '@preact/signals';
import type { Change } from '../copies.ts';
import type { Task } from '../model.ts';
import { isOnAir } from '../tasks.ts';
import { AskSteer } from '../views/task-playlist.tsx';
import { may } from '../visitor.ts';
import { t } from '../words.ts';

/** Puts another of the task's sources on air, by hand, or lets the node choose again. */
export function SourceSwitch({ task }: { readonly task: Task }) {
  const asked = useSignal<number | 'auto' | undefined>(undefined);
  if (task.standby.length === 0 || !isOnAir(task) || !may('millrace:tasks:operate')) return null;
  const current = task.on_air?.source;
  const names = [t('hop.source'), ...task.standby.map((_, at) => t('switch.standby', { n: at + 1 }))];
  return (
    <div class="row" role="group" aria-label={t('switch.title')}>
      <span class="faint">{t('switch.title')}</span>
      {names.map((name, at) => (
        <button
          key={name}
          type="button"
          class="chip"
          aria-pressed={current?.index === at}
          onClick={() => (asked.value = at)}
        >
          {name}
        </button>
      ))}
      <button
        type="button"
        class="chip"
        aria-pressed={current?.pinned === false}
        onClick={() => (asked.value = 'auto')}
      >
        {t('switch.auto')}
      </button>
      {asked.value !== undefined && (
        <AskSteer
          task={task}
          asked={{ title: t('switch.title'), why: t('switch.why'), change: switchOf(task, asked.value) }}
          onClose={() => (asked.value = undefined)}
        />
      )}
    </div>
  );
}

const switchOf = ({ id }: Task, to: number | 'auto'): Change => ({
  method: 'POST',
  path: `/tasks/${id}/switch`,
  body: { to },
  cli: ['task', 'switch', id, String(to)],
});

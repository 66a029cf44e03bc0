import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { clock } from '../clock.ts';
import type { Change } from '../copies.ts';
import { formatPosition, formatTime } from '../format.ts';
import type { ListItem, Task } from '../model.ts';
import { fileName } from '../parts/addresses.tsx';
import { CopyAs } from '../parts/copy-as.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { isOnAir, refreshTask } from '../tasks.ts';
import { may } from '../visitor.ts';
import { t } from '../words.ts';

/** What plays now, what next, and until when? */
export function TaskPlaylist({ task }: { readonly task: Task }) {
  const asked = useSignal<Asked | undefined>(undefined);
  if (task.source.kind !== 'list') return <Empty>{t('playlist.not_a_list')}</Empty>;
  const { items, rounds } = task.source;
  const current = task.on_air?.item ?? undefined;
  const canSteer = isOnAir(task) && may('millrace:tasks:operate');
  return (
    <>
      <p>
        {current === undefined
          ? t('playlist.idle')
          : t('overview.round', { n: current.round + 1, of: rounds === 'endless' ? '∞' : rounds })}
      </p>
      {current !== undefined && <NowPlaying task={task} />}
      {canSteer && (
        <button type="button" onClick={() => (asked.value = skipOf(task))}>
          {t('playlist.skip')}
        </button>
      )}
      <ol class="lines">
        {items.map((item, at) => (
          <li
            key={String(at)}
            class="line"
            aria-current={current?.index === at ? 'true' : undefined}
            data-row
            tabIndex={-1}
          >
            <span>{current?.index === at ? '▶' : `${at + 1}.`}</span>
            <span class="grow">
              {fileName(item.url)} <span class="faint">{pieceOf(item)}</span>
              {task.on_air?.next?.index === at && <span class="tag">{t('overview.next')}</span>}
            </span>
            {canSteer && (
              <button type="button" onClick={() => (asked.value = jumpOf(task, at))}>
                {t('playlist.jump')}
              </button>
            )}
          </li>
        ))}
      </ol>
      {asked.value !== undefined && (
        <AskSteer asked={asked.value} task={task} onClose={() => (asked.value = undefined)} />
      )}
    </>
  );
}

function pieceOf({ in_s: from, out_s: to, repeats = 1 }: ListItem): string {
  const cut =
    from === undefined && to === undefined
      ? ''
      : `${formatPosition(from ?? 0)}–${to === undefined ? '' : formatPosition(to)}`;
  return [cut, repeats === 1 ? '' : `×${repeats}`].filter(text => text !== '').join(' ');
}

function NowPlaying({ task: { on_air: onAir } }: { readonly task: Task }) {
  const item = onAir?.item;
  if (item === null || item === undefined || item.position_s === null) return null;
  const { position_s: position, duration_s: duration, url } = item;
  const left = duration === null ? undefined : duration - position;
  return (
    <section class="card">
      <strong>{fileName(url)}</strong> {formatPosition(position)}
      {duration !== null && (
        <>
          {` / ${formatPosition(duration)} `}
          <progress value={position} max={duration} aria-label={t('playlist.position')} />
        </>
      )}
      {left !== undefined && (
        <p class="faint">{t('playlist.next_at', { at: formatTime(clock.value + left * 1_000) })}</p>
      )}
    </section>
  );
}

interface Asked {
  readonly title: string;
  readonly why: string;
  readonly change: Change;
}

const skipOf = ({ id }: Task): Asked => ({
  title: t('playlist.skip'),
  why: t('playlist.skip_why'),
  change: { method: 'POST', path: `/tasks/${id}/skip`, cli: ['task', 'skip', id] },
});

const jumpOf = ({ id, on_air: onAir }: Task, index: number): Asked => ({
  title: t('playlist.jump_to', { n: index + 1 }),
  why: t('playlist.skip_why'),
  change: {
    method: 'POST',
    path: `/tasks/${id}/jump`,
    body: { index, ...(onAir?.item ? { round: onAir.item.round } : {}) },
    cli: ['task', 'jump', id, String(index)],
  },
});

interface AskSteerProps {
  readonly asked: Asked;
  readonly task: Task;
  readonly onClose: () => void;
}

export function AskSteer({ asked: { title, why, change }, task, onClose }: AskSteerProps) {
  const { problem, act } = useActing();
  const steer = (): Promise<void> =>
    act(async () => {
      await call(change.method, change.path, change.body === undefined ? {} : { body: change.body });
      await refreshTask(task.id);
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{why}</p>
      <ProblemNote problem={problem} />
      <div class="row">
        <button type="button" class="primary" onClick={() => void steer()}>
          {title}
        </button>
        <button type="button" onClick={onClose}>
          {t('action.cancel')}
        </button>
      </div>
      <CopyAs change={change} />
    </Dialog>
  );
}

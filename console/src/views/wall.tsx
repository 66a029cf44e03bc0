import { useRef } from 'preact/hooks';
import type { Task } from '../model.ts';
import { nameOf } from '../parts/addresses.tsx';
import { Empty } from '../parts/empty.tsx';
import { StillPicture } from '../parts/live-picture.tsx';
import { reasonOf } from '../parts/sentence.ts';
import { StatusWord } from '../parts/status-word.tsx';
import { href } from '../router.ts';
import { isOnAir, tasks } from '../tasks.ts';
import { t } from '../words.ts';
import { worstFirst } from '../worst-first.ts';

const MOST = 16;

/** Can I see every channel at a glance? */
export function Wall() {
  const box = useRef<HTMLElement>(null);
  const onAir = tasks.value.filter(isOnAir).sort(worstFirst);
  return (
    <section class="wall" ref={box}>
      <div class="row spread">
        <h1>{t('wall.title')}</h1>
        <button type="button" onClick={() => void box.current?.requestFullscreen().catch(() => undefined)}>
          {t('wall.full')}
        </button>
      </div>
      {onAir.length === 0 && <Empty>{t('now.nothing_due')}</Empty>}
      <ul class="tiles">
        {onAir.slice(0, MOST).map(task => (
          <Screen key={task.id} task={task} />
        ))}
      </ul>
      {onAir.length > MOST && (
        <p>
          <a href={href(['tasks'], { status: 'running,recovering' })}>{t('now.more', { n: onAir.length - MOST })}</a>
        </p>
      )}
    </section>
  );
}

function Screen({ task }: { readonly task: Task }) {
  const reason = reasonOf(task);
  return (
    <li class={`tile tile-${task.status.word}`}>
      <StillPicture taskId={task.id} name={nameOf(task)} />
      <p class="row">
        <a href={href(['tasks', task.id])} data-row>
          {nameOf(task)}
        </a>
        <StatusWord word={task.status.word} />
      </p>
      {reason !== '' && <p class="reason">{reason}</p>}
    </li>
  );
}

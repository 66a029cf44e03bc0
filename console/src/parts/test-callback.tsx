import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { t } from '../words.ts';
import { CopyAs } from './copy-as.tsx';
import { ProblemNote } from './problem-note.tsx';

interface Tried {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly took_ms: number;
  readonly error: string;
}

/** Sends one event to a receiver, now, and shows what it said. */
export function TestCallback({ url, taskId }: { readonly url: string; readonly taskId?: string }) {
  const tried = useSignal<Tried | undefined>(undefined);
  const { problem, act } = useActing();
  const body = taskId === undefined ? { url } : { task_id: taskId };
  const test = (): Promise<void> =>
    act(async () => {
      tried.value = undefined;
      tried.value = await call<Tried>('POST', '/callbacks/test', { body });
    });
  return (
    <div>
      <div class="row">
        <span class="address">{url}</span>
        <button type="button" disabled={url === ''} onClick={() => void test()}>
          {t('callback.test')}
        </button>
      </div>
      {tried.value !== undefined && (
        <p class={`note ${tried.value.delivered ? '' : 'note-bad'}`} role="status">
          {tried.value.delivered ? '✓' : '✕'} {tried.value.status ?? ''} {tried.value.error}{' '}
          {t('callback.took', { n: tried.value.took_ms })}
        </p>
      )}
      <ProblemNote problem={problem} />
      <CopyAs change={{ method: 'POST', path: '/callbacks/test', body, cli: ['callback', 'test', url] }} />
    </div>
  );
}

import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { t } from '../words.ts';
import { CopyAs } from './copy-as.tsx';
import { Dialog } from './dialog.tsx';
import { ProblemNote } from './problem-note.tsx';

interface RemoveProps {
  readonly name: string;
  readonly path: string;
  readonly cli?: readonly string[];
  readonly onDone: () => void;
}

/** Takes a thing away, once asked whether it is meant. */
export function Remove({ name, path, cli, onDone }: RemoveProps) {
  const isAsked = useSignal(false);
  const { problem, act } = useActing();
  const remove = (): Promise<void> =>
    act(async () => {
      await call('DELETE', path);
      isAsked.value = false;
      onDone();
    });
  return (
    <>
      <button
        type="button"
        class="danger"
        aria-label={t('remove.ask', { name })}
        onClick={() => (isAsked.value = true)}
      >
        {t('edit.remove')}
      </button>
      {isAsked.value && (
        <Dialog title={t('remove.ask', { name })} onClose={() => (isAsked.value = false)}>
          <ProblemNote problem={problem} />
          <div class="row">
            <button type="button" class="danger" onClick={() => void remove()}>
              {t('edit.remove')}
            </button>
            <button type="button" onClick={() => (isAsked.value = false)}>
              {t('action.cancel')}
            </button>
          </div>
          <CopyAs change={{ method: 'DELETE', path, ...(cli === undefined ? {} : { cli }) }} />
        </Dialog>
      )}
    </>
  );
}

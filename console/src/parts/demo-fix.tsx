import { useSignal } from '@preact/signals';
import { asProblem, call, type Problem } from '../api.ts';
import type { Task } from '../model.ts';
import { may, visitor } from '../visitor.ts';
import { t } from '../words.ts';
import { ProblemNote } from './problem-note.tsx';

/** In a demonstration alone: brings the source back that was broken on purpose. */
export function DemoFix({ task: { tags, status } }: { readonly task: Task }) {
  const problem = useSignal<Problem | undefined>(undefined);
  const isBroken = status.word === 'recovering' && status.side === 'source';
  if (visitor.value?.demo !== true || !tags.includes('demo') || !isBroken || !may('millrace:tasks:operate'))
    return null;
  const fix = (): void => {
    problem.value = undefined;
    call('POST', '/demo/fix').catch((error: unknown) => {
      problem.value = asProblem(error);
    });
  };
  return (
    <div class="note">
      <p>{t('demo.why')}</p>
      <button type="button" class="primary" onClick={fix}>
        {t('demo.fix')}
      </button>
      <ProblemNote problem={problem.value} />
    </div>
  );
}

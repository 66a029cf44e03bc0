import { useSignal } from '@preact/signals';
import { asProblem, call, type Problem } from '../api.ts';
import type { Body } from '../draft.ts';
import { Facts } from '../parts/facts.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { t } from '../words.ts';

/** What would come of the form as it stands, without doing it. */
export function Plan({ body }: { readonly body: Body }) {
  const found = useSignal<unknown>(undefined);
  const problem = useSignal<Problem | undefined>(undefined);
  const isBusy = useSignal(false);
  const plan = async (): Promise<void> => {
    isBusy.value = true;
    found.value = undefined;
    problem.value = undefined;
    try {
      found.value = await call<unknown>('POST', '/plan', { body });
    } catch (error) {
      problem.value = asProblem(error);
    }
    isBusy.value = false;
  };
  return (
    <section class="card" aria-labelledby="plan">
      <h2 id="plan">{t('plan.title')}</h2>
      <button type="button" disabled={isBusy.value} onClick={() => void plan()}>
        {isBusy.value ? t('probe.looking') : t('plan.make')}
      </button>
      <ProblemNote problem={problem.value} />
      {found.value !== undefined && <Facts value={found.value} />}
    </section>
  );
}

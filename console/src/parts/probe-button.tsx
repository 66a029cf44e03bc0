import { useSignal } from '@preact/signals';
import { asProblem, call, type Problem } from '../api.ts';
import type { Probed } from '../model.ts';
import { type Key, t } from '../words.ts';
import { ProbeReport } from './probe-report.tsx';
import { ProblemNote } from './problem-note.tsx';

interface ProbeButtonProps {
  readonly url: string;
  readonly as: 'source' | 'destination';
  readonly label: Key;
}

/** Looks at an address and shows what it found, under the button. */
export function ProbeButton({ url, as, label }: ProbeButtonProps) {
  const found = useSignal<Probed | undefined>(undefined);
  const problem = useSignal<Problem | undefined>(undefined);
  const isBusy = useSignal(false);
  const look = async (): Promise<void> => {
    isBusy.value = true;
    found.value = undefined;
    problem.value = undefined;
    try {
      found.value = await call<Probed>('POST', '/probe', {
        body: { url: url.trim(), ...(as === 'source' ? {} : { as }) },
      });
    } catch (error) {
      problem.value = asProblem(error);
    }
    isBusy.value = false;
  };
  return (
    <div class="probe">
      <button type="button" disabled={isBusy.value || url.trim() === ''} onClick={() => void look()}>
        {isBusy.value ? t('probe.looking') : t(label)}
      </button>
      {found.value !== undefined && <ProbeReport found={found.value} />}
      <ProblemNote problem={problem.value} />
    </div>
  );
}

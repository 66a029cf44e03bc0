import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
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
  const { problem, isBusy, act } = useActing();
  const look = (): Promise<void> =>
    act(async () => {
      found.value = undefined;
      const body = { url: url.trim(), ...(as === 'source' ? {} : { as }) };
      found.value = await call<Probed>('POST', '/probe', { body });
    });
  return (
    <div class="probe">
      <button type="button" disabled={isBusy || url.trim() === ''} onClick={() => void look()}>
        {isBusy ? t('probe.looking') : t(label)}
      </button>
      {found.value !== undefined && <ProbeReport found={found.value} />}
      <ProblemNote problem={problem} />
    </div>
  );
}

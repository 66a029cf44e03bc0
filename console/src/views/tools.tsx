import { useSignal } from '@preact/signals';
import { TextField } from '../parts/field.tsx';
import { ProbeButton } from '../parts/probe-button.tsx';
import { TestCallback } from '../parts/test-callback.tsx';
import { t } from '../words.ts';

/** What is at this address; does this receiver work? */
export function Tools() {
  return (
    <section>
      <h1>{t('nav.tools')}</h1>
      <ProbeTool as="source" />
      <ProbeTool as="destination" />
      <CallbackTool />
    </section>
  );
}

function ProbeTool({ as }: { readonly as: 'source' | 'destination' }) {
  const url = useSignal('');
  return (
    <section class="card" aria-labelledby={`tool-${as}`}>
      <h2 id={`tool-${as}`}>{t(`probe.${as}`)}</h2>
      <TextField
        label={t('tools.address')}
        hint={t(`tools.${as}`)}
        value={url.value}
        onText={text => (url.value = text)}
        input={{ spellcheck: false, autoComplete: 'off', inputMode: 'url' }}
      />
      <ProbeButton url={url.value} as={as} label={`probe.${as}`} />
    </section>
  );
}

function CallbackTool() {
  const url = useSignal('');
  return (
    <section class="card" aria-labelledby="tool-callback">
      <h2 id="tool-callback">{t('callback.test')}</h2>
      <TextField
        label={t('tools.address')}
        hint={t('tools.callback')}
        value={url.value}
        onText={text => (url.value = text)}
        input={{ spellcheck: false, inputMode: 'url' }}
      />
      <TestCallback url={url.value} />
    </section>
  );
}

import { Choice, TextField } from '../parts/field.tsx';
import { ProbeButton } from '../parts/probe-button.tsx';
import { t } from '../words.ts';
import type { FormPart } from './edit.tsx';

export function DestinationStep(part: FormPart) {
  const { draft, set, errorsAt, isNew } = part;
  return (
    <fieldset disabled={!isNew}>
      <legend>2 · {t('hop.destination')}</legend>
      {!isNew && <p class="hint">{t('edit.destination_stands')}</p>}
      <Choice
        label={t('edit.to')}
        value={draft.to}
        options={[
          ['url', t('edit.to.url')],
          ['ingest', t('edit.to.ingest')],
        ]}
        onChoice={to => set({ to })}
      />
      {draft.to === 'ingest' ? (
        <IngestFields {...part} />
      ) : (
        <>
          <TextField
            label={t('edit.destination_url')}
            hint={t('edit.destination_hint')}
            value={draft.destination}
            errors={[...errorsAt('destination.url'), ...errorsAt('destination')]}
            onText={destination => set({ destination })}
            input={{ name: 'destination', spellcheck: false, inputMode: 'url', autoComplete: 'off' }}
          />
          <ProbeButton url={draft.destination} as="destination" label="probe.destination" />
        </>
      )}
    </fieldset>
  );
}

function IngestFields({ draft, set, errorsAt }: FormPart) {
  const plain = { spellcheck: false, autoComplete: 'off' } as const;
  return (
    <div class="columns">
      <TextField
        label={t('edit.domain')}
        value={draft.domain}
        errors={errorsAt('destination.domain')}
        onText={domain => set({ domain })}
        input={plain}
      />
      <TextField
        label={t('edit.app')}
        value={draft.app}
        errors={errorsAt('destination.app')}
        onText={app => set({ app })}
        input={plain}
      />
      <TextField
        label={t('edit.stream')}
        value={draft.stream}
        errors={errorsAt('destination.stream')}
        onText={stream => set({ stream })}
        input={plain}
      />
      <TextField
        label={t('edit.args')}
        value={draft.args}
        errors={errorsAt('destination.args')}
        onText={args => set({ args })}
        input={plain}
      />
    </div>
  );
}

const SECONDS = { step: '1' } as const;

export function WhenStep({ draft, set, errorsAt }: FormPart) {
  return (
    <fieldset>
      <legend>3 · {t('edit.when')}</legend>
      <div class="columns">
        <Choice
          label={t('edit.starts')}
          value={draft.starts}
          options={[
            ['now', t('edit.starts.now')],
            ['at', t('edit.starts.at')],
          ]}
          onChoice={starts => set({ starts })}
        />
        {draft.starts === 'at' && (
          <TextField
            label={t('edit.start_at')}
            type="datetime-local"
            value={draft.startAt}
            errors={errorsAt('start_at')}
            onText={startAt => set({ startAt })}
            input={SECONDS}
          />
        )}
        <Choice
          label={t('edit.ends')}
          value={draft.ends}
          options={[
            ['never', t('edit.ends.never')],
            ['at', t('edit.ends.at')],
          ]}
          onChoice={ends => set({ ends })}
        />
        {draft.ends === 'at' && (
          <TextField
            label={t('edit.end_at')}
            type="datetime-local"
            value={draft.endAt}
            errors={errorsAt('end_at')}
            onText={endAt => set({ endAt })}
            input={SECONDS}
          />
        )}
      </div>
      <p class="hint">{t('edit.zone', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</p>
    </fieldset>
  );
}

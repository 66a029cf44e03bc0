import type { Boundary, OnChange } from '../model.ts';
import { Choice, TextField } from '../parts/field.tsx';
import { type Key, t } from '../words.ts';
import type { FormPart } from './edit.tsx';

const BOUNDARIES: readonly Boundary[] = ['inline', 'republish', 'reject'];
const CHANGES: readonly OnChange[] = ['breakpoint', 'file_start', 'new_source'];

/** What most tasks leave as it is. */
export function More(part: FormPart) {
  const { draft, set, errorsAt } = part;
  return (
    <details class="card" open={hasErrors(part)}>
      <summary>{t('edit.more')}</summary>
      <TextField
        label={t('overview.tags')}
        hint={t('edit.tags_hint')}
        value={draft.tags}
        errors={errorsAt('tags')}
        onText={tags => set({ tags })}
      />
      {draft.kind === 'list' && <ListMore {...part} />}
      <TextField
        label={t('edit.delay')}
        hint={t('edit.delay_hint')}
        value={draft.delay}
        errors={errorsAt('delay_s')}
        onText={delay => set({ delay })}
        input={{ inputMode: 'decimal' }}
      />
      <TextField
        label={t('edit.slate')}
        hint={t('edit.slate_hint')}
        value={draft.slate}
        errors={errorsAt('slate')}
        onText={slate => set({ slate })}
      />
      <RetryFields {...part} />
      <TextField
        label={t('overview.callback')}
        value={draft.callback}
        errors={errorsAt('callback.url')}
        onText={callback => set({ callback })}
        input={{ inputMode: 'url', spellcheck: false }}
      />
      <TextField
        label={t('edit.events')}
        hint={t('edit.events_hint')}
        value={draft.events}
        errors={errorsAt('callback.events')}
        onText={events => set({ events })}
      />
    </details>
  );
}

const FIELDS = [
  'tags',
  'delay_s',
  'slate',
  'retry',
  'retry.count',
  'retry.interval_s',
  'callback',
  'callback.url',
  'callback.events',
];

const hasErrors = ({ errorsAt }: FormPart): boolean => FIELDS.some(field => errorsAt(field).length > 0);

function ListMore({ draft, set, errorsAt }: FormPart) {
  return (
    <>
      <Choice
        label={t('edit.boundary')}
        value={draft.boundary}
        options={BOUNDARIES.map(word => [word, t(`edit.boundary.${word}` as Key)] as const)}
        onChoice={boundary => set({ boundary })}
      />
      <Choice
        label={t('edit.on_change')}
        value={draft.onChange}
        options={CHANGES.map(word => [word, t(`edit.on_change.${word}` as Key)] as const)}
        onChoice={onChange => set({ onChange })}
      />
      <label class="row">
        <span>
          <input
            type="checkbox"
            checked={draft.silence}
            onChange={event => set({ silence: event.currentTarget.checked })}
          />
          {t('edit.silence')}
        </span>
      </label>
      <TextField
        label={t('edit.start_index')}
        value={draft.startIndex}
        errors={errorsAt('source.start_index')}
        onText={startIndex => set({ startIndex })}
        input={{ inputMode: 'numeric' }}
      />
      <TextField
        label={t('edit.start_s')}
        value={draft.startS}
        errors={errorsAt('source.start_s')}
        onText={startS => set({ startS })}
        input={{ inputMode: 'decimal' }}
      />
    </>
  );
}

function RetryFields({ draft, set, errorsAt }: FormPart) {
  return (
    <div class="columns">
      <Choice
        label={t('edit.tries')}
        value={draft.tries}
        options={[
          ['always', t('edit.tries.always')],
          ['counted', t('edit.tries.counted')],
        ]}
        onChoice={tries => set({ tries })}
      />
      {draft.tries === 'counted' && (
        <>
          <TextField
            label={t('edit.retry_count')}
            value={draft.retryCount}
            errors={errorsAt('retry.count')}
            onText={retryCount => set({ retryCount })}
            input={{ inputMode: 'numeric' }}
          />
          <TextField
            label={t('edit.retry_every')}
            value={draft.retryEvery}
            errors={errorsAt('retry.interval_s')}
            onText={retryEvery => set({ retryEvery })}
            input={{ inputMode: 'decimal' }}
          />
        </>
      )}
    </div>
  );
}

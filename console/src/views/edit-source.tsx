import { EMPTY_ITEM, type ItemDraft } from '../draft.ts';
import { Choice, Field, TextField } from '../parts/field.tsx';
import { ProbeButton } from '../parts/probe-button.tsx';
import { t } from '../words.ts';
import type { FormPart } from './edit.tsx';

export function SourceStep(part: FormPart) {
  const { draft, set, errorsAt } = part;
  return (
    <fieldset>
      <legend>1 · {t('hop.source')}</legend>
      <TextField
        label={t('edit.name')}
        value={draft.name}
        errors={errorsAt('name')}
        onText={name => set({ name })}
        input={{ name: 'name' }}
      />
      <Choice
        label={t('edit.kind')}
        value={draft.kind}
        options={[
          ['live', t('edit.kind.live')],
          ['list', t('edit.kind.list')],
        ]}
        onChoice={kind => set({ kind })}
      />
      {draft.kind === 'live' ? <LiveFields {...part} /> : <ListFields {...part} />}
      <Field label={t('edit.standby')} hint={t('edit.standby_hint')} errors={errorsAt('standby')}>
        {ids => (
          <textarea
            {...ids}
            rows={2}
            value={draft.standby}
            onInput={event => set({ standby: event.currentTarget.value })}
          />
        )}
      </Field>
    </fieldset>
  );
}

function LiveFields({ draft, set, errorsAt }: FormPart) {
  return (
    <>
      <TextField
        label={t('edit.source_url')}
        hint={t('edit.source_hint')}
        value={draft.url}
        errors={errorsAt('source.url')}
        onText={url => set({ url })}
        input={{ name: 'source', spellcheck: false, inputMode: 'url' }}
      />
      <ProbeButton url={draft.url} as="source" label="probe.source" />
    </>
  );
}

function ListFields(part: FormPart) {
  const { draft, set, errorsAt } = part;
  const put = (at: number, change: Partial<ItemDraft>): void =>
    set({ items: draft.items.map((item, index) => (index === at ? { ...item, ...change } : item)) });
  return (
    <>
      <ol class="plain">
        {draft.items.map((item, at) => (
          <li key={String(at)} class="card">
            <ItemFields item={item} at={at} put={put} errorsAt={errorsAt} />
            <div class="row">
              <button type="button" disabled={at === 0} onClick={() => set({ items: swapped(draft.items, at - 1) })}>
                ↑ {t('edit.up')}
              </button>
              <button
                type="button"
                disabled={at === draft.items.length - 1}
                onClick={() => set({ items: swapped(draft.items, at) })}
              >
                ↓ {t('edit.down')}
              </button>
              <button
                type="button"
                disabled={draft.items.length === 1}
                onClick={() => set({ items: draft.items.toSpliced(at, 1) })}
              >
                {t('edit.remove')}
              </button>
            </div>
          </li>
        ))}
      </ol>
      <button type="button" onClick={() => set({ items: [...draft.items, EMPTY_ITEM] })}>
        {t('edit.add_file')}
      </button>
      <ListRules {...part} />
    </>
  );
}

/** The item and the one behind it in each other's place. */
const swapped = <T,>(items: readonly T[], at: number): readonly T[] =>
  items.toSpliced(at, 2, ...items.slice(at, at + 2).reverse());

interface ItemFieldsProps {
  readonly item: ItemDraft;
  readonly at: number;
  readonly put: (at: number, change: Partial<ItemDraft>) => void;
  readonly errorsAt: FormPart['errorsAt'];
}

function ItemFields({ item, at, put, errorsAt }: ItemFieldsProps) {
  const field = `source.items[${at}]`;
  const seconds = { inputMode: 'decimal' } as const;
  return (
    <>
      <TextField
        label={t('edit.file', { n: at + 1 })}
        value={item.url}
        errors={errorsAt(`${field}.url`)}
        onText={url => put(at, { url })}
        input={{ spellcheck: false, inputMode: 'url', name: `item-${at}` }}
      />
      <div class="columns">
        <TextField
          label={t('edit.in')}
          value={item.from}
          errors={errorsAt(`${field}.in_s`)}
          onText={from => put(at, { from })}
          input={seconds}
        />
        <TextField
          label={t('edit.out')}
          value={item.to}
          errors={errorsAt(`${field}.out_s`)}
          onText={to => put(at, { to })}
          input={seconds}
        />
        <TextField
          label={t('edit.repeats')}
          value={item.repeats}
          errors={errorsAt(`${field}.repeats`)}
          onText={repeats => put(at, { repeats })}
          input={{ inputMode: 'numeric' }}
        />
      </div>
      <ProbeButton url={item.url} as="source" label="probe.source" />
    </>
  );
}

function ListRules({ draft, set, errorsAt }: FormPart) {
  return (
    <>
      <h3>{t('edit.rounds_title')}</h3>
      <label class="row">
        <span>
          <input
            type="checkbox"
            checked={draft.endless}
            onChange={event => set({ endless: event.currentTarget.checked })}
          />
          {t('edit.endless')}
        </span>
      </label>
      {!draft.endless && (
        <TextField
          label={t('edit.rounds')}
          value={draft.rounds}
          errors={errorsAt('source.rounds')}
          onText={rounds => set({ rounds })}
          input={{ inputMode: 'numeric', name: 'rounds' }}
        />
      )}
    </>
  );
}

import { useSignal } from '@preact/signals';
import { asAlibaba, asCli, asCurl, asHuawei, type Change } from '../copies.ts';
import { t } from '../words.ts';

const TONGUES = [
  ['curl', asCurl],
  ['CLI', asCli],
  ['Huawei SDK', asHuawei],
  ['Alibaba SDK', asAlibaba],
] as const;

/** The same change for other clients of the API. Keys stand in variables. */
export function CopyAs({ change }: { readonly change: Change }) {
  const chosen = useSignal<string>('curl');
  const told = useSignal('');
  const texts = TONGUES.map(([name, print]) => [name, print(change, location.origin)] as const);
  const text = texts.find(([name]) => name === chosen.value)?.[1];
  const copy = async (): Promise<void> => {
    // Not there where the page came over plain http from elsewhere; the text can be marked by hand then.
    await navigator.clipboard?.writeText(text ?? '').then(
      () => (told.value = t('copy.done')),
      () => undefined,
    );
  };
  return (
    <details class="copy-as">
      <summary>{t('copy.as')}</summary>
      <div class="row" role="group" aria-label={t('copy.as')}>
        {texts.map(([name]) => (
          <button
            key={name}
            type="button"
            class="chip"
            aria-pressed={name === chosen.value}
            onClick={() => (chosen.value = name)}
          >
            {name}
          </button>
        ))}
      </div>
      {text === undefined ? (
        <p class="faint">{t('copy.cannot', { name: chosen.value })}</p>
      ) : (
        <>
          <pre tabIndex={0}>{text}</pre>
          <button type="button" onClick={() => void copy()}>
            {t('copy.copy')}
          </button>
        </>
      )}
      <span role="status">{told.value}</span>
    </details>
  );
}

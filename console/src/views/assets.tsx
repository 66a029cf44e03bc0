import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { Asset } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { Facts } from '../parts/facts.tsx';
import { TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Remove } from '../parts/remove.tsx';
import { Time } from '../parts/time.tsx';
import { may } from '../visitor.ts';
import { t } from '../words.ts';

/** Which files can lists name? */
export function Assets() {
  const answer = useAnswer<{ readonly assets: readonly Asset[] }>('/assets');
  return (
    <section>
      <h1>{t('nav.assets')}</h1>
      {may('millrace:assets:write') && <AddAsset onDone={answer.again} />}
      <Answered answer={answer}>
        {({ assets }) =>
          assets.length === 0 ? (
            <Empty>{t('assets.none')}</Empty>
          ) : (
            <ul class="lines">
              {assets.map(asset => (
                <OneAsset key={asset.id} asset={asset} onDone={answer.again} />
              ))}
            </ul>
          )
        }
      </Answered>
    </section>
  );
}

function OneAsset({ asset, onDone }: { readonly asset: Asset; readonly onDone: () => void }) {
  return (
    <li class="line">
      <code>asset://{asset.id}</code>
      <span class="address grow">{asset.url}</span>
      <Time at={asset.created_at} />
      {may('millrace:assets:write') && (
        <Remove
          name={asset.id}
          path={`/assets/${encodeURIComponent(asset.id)}`}
          cli={['asset', 'delete', asset.id]}
          onDone={onDone}
        />
      )}
      {asset.probe !== null && (
        <details class="line-why">
          <summary>{t('assets.facts')}</summary>
          <Facts value={asset.probe} />
        </details>
      )}
    </li>
  );
}

function AddAsset({ onDone }: { readonly onDone: () => void }) {
  const url = useSignal('');
  const id = useSignal('');
  const { problem, act } = useActing();
  const body = { url: url.value.trim(), ...(id.value === '' ? {} : { id: id.value }) };
  const add = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      await call('POST', '/assets', { body });
      url.value = '';
      id.value = '';
      onDone();
    });
  };
  return (
    <form class="card" onSubmit={add}>
      <h2>{t('assets.add')}</h2>
      <TextField
        label={t('tools.address')}
        value={url.value}
        onText={text => (url.value = text)}
        input={{ spellcheck: false, inputMode: 'url' }}
      />
      <TextField
        label={t('assets.id')}
        hint={t('assets.id_hint')}
        value={id.value}
        onText={text => (id.value = text)}
      />
      <ProblemNote problem={problem} />
      <button type="submit" class="primary">
        {t('assets.add')}
      </button>
      <CopyAs change={{ method: 'POST', path: '/assets', body, cli: ['asset', 'add', body.url] }} />
    </form>
  );
}

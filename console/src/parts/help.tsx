import { isHelpShown } from '../keyboard.ts';
import { type Key, t } from '../words.ts';
import { Dialog } from './dialog.tsx';

const KEYS: readonly (readonly [keys: string, label: Key])[] = [
  ['/', 'keys.search'],
  ['n', 'keys.new'],
  ['j k', 'keys.rows'],
  ['g h', 'nav.now'],
  ['g t', 'nav.tasks'],
  ['g s', 'nav.schedule'],
  ['g e', 'nav.events'],
  ['g d', 'nav.deliveries'],
  ['g n', 'nav.nodes'],
  ['?', 'keys.help'],
];

export function Help() {
  if (!isHelpShown.value) return null;
  return (
    <Dialog title={t('help.title')} onClose={() => (isHelpShown.value = false)}>
      <dl class="pairs">
        {KEYS.map(([keys, label]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{t(label)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

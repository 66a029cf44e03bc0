import type { JSX } from 'preact';
import { useAnswer } from '../asked.ts';
import { AuditList, type AuditPage } from '../parts/audit-list.tsx';
import { Answered } from '../parts/empty.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { href } from '../router.ts';
import { may } from '../visitor.ts';
import { type Key, t } from '../words.ts';
import { Domains } from './access-domains.tsx';
import { Keys } from './access-keys.tsx';
import { SignIns } from './access-sign-ins.tsx';
import { Users } from './access-users.tsx';

const PARTS: Readonly<
  Record<string, { readonly label: Key; readonly action: string; readonly body: () => JSX.Element }>
> = {
  users: { label: 'access.users', action: 'millrace:users:read', body: Users },
  keys: { label: 'access.keys', action: 'millrace:keys:read', body: Keys },
  'sign-ins': { label: 'access.sign_ins', action: '', body: SignIns },
  domains: { label: 'access.domains', action: 'millrace:domains:list', body: Domains },
  audit: { label: 'access.audit', action: 'millrace:audit:read', body: Audit },
};

/** Who may do what, with which key? */
export function Access({ part }: { readonly part: string | undefined }) {
  const shown = Object.entries(PARTS).filter(([, { action }]) => action === '' || may(action));
  const [name, chosen] = shown.find(([word]) => word === part) ?? shown[0] ?? ['sign-ins', undefined];
  const Body = chosen?.body ?? SignIns;
  return (
    <section>
      <h1>{t('nav.access')}</h1>
      <Tabs
        label={t('nav.access')}
        current={name}
        tabs={shown.map(([word, { label }]) => ({ name: word, label, href: href(['access', word]) }))}
      />
      <Body />
    </section>
  );
}

function Audit() {
  const answer = useAnswer<AuditPage>('/audit?limit=200');
  return <Answered answer={answer}>{page => <AuditList page={page} />}</Answered>;
}

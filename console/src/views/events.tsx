import { query } from '../api.ts';
import { useAnswer } from '../asked.ts';
import { latest } from '../feed.ts';
import type { TaskEvent } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered } from '../parts/empty.tsx';
import { EventLines } from '../parts/event-lines.tsx';
import { Choice } from '../parts/field.tsx';
import { href, refine } from '../router.ts';
import { type Key, t } from '../words.ts';
import { merged } from './task-timeline.tsx';

const KINDS = ['', 'trouble', 'status', 'user', 'files'] as const;
type Kind = (typeof KINDS)[number];

const NARROWED: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  '': {},
  trouble: { type: 'broke,gave_up,alarm' },
  status: { type: 'claimed,flowing,broke,gave_up,finished,stopped,restarted,expired' },
  user: { cause: 'user' },
  files: { type: 'item_started,item_finished' },
};

const TYPES: Readonly<Record<Kind, (event: TaskEvent) => boolean>> = {
  '': () => true,
  trouble: ({ type }) => (NARROWED.trouble.type ?? '').split(',').includes(type),
  status: ({ type }) => (NARROWED.status.type ?? '').split(',').includes(type),
  user: ({ cause }) => cause === 'user',
  files: ({ type }) => type.startsWith('item_'),
};

/** What changed lately? */
export function Events({ query: asked }: { readonly query: URLSearchParams }) {
  const kind = KINDS.find(word => word === asked.get('kind')) ?? '';
  const before = asked.get('before') ?? '';
  const answer = useAnswer<{ readonly events: readonly TaskEvent[]; readonly next: string | null }>(
    `/events${query({ ...NARROWED[kind], before, limit: 100 })}`,
  );
  return (
    <section>
      <h1>{t('nav.events')}</h1>
      <Choice
        label={t('events.kind')}
        value={kind}
        options={KINDS.map(word => [word, t(`events.kind.${word === '' ? 'all' : word}` as Key)] as const)}
        onChoice={word => refine({ kind: word })}
      />
      <Answered answer={answer}>
        {({ events, next }) => (
          <>
            <EventLines events={before === '' ? merged(latest.value.filter(TYPES[kind]), events) : events} withTask />
            {next !== null && (
              <p>
                <a class="button" href={href(['events'], { kind, before: next })}>
                  {t('events.older')}
                </a>
              </p>
            )}
          </>
        )}
      </Answered>
      <CopyAs change={{ method: 'GET', path: `/events${query({ ...NARROWED[kind], before, limit: 100 })}` }} />
    </section>
  );
}

import { toLocalField } from './format.ts';
import type { Boundary, Destination, ListItem, ListSource, OnChange, Task } from './model.ts';

/** What is typed into the form, as text: nothing of it is lost or bent before the node has judged it. */
export interface Draft {
  readonly name: string;
  readonly tags: string;
  readonly kind: 'live' | 'list';
  readonly url: string;
  /** Whom to believe of the source: not shown here, and not to be lost. */
  readonly tls?: unknown;
  readonly items: readonly ItemDraft[];
  readonly endless: boolean;
  readonly rounds: string;
  readonly startIndex: string;
  readonly startS: string;
  readonly boundary: Boundary;
  readonly silence: boolean;
  readonly onChange: OnChange;
  /** An address a line. */
  readonly standby: string;
  readonly to: 'url' | 'ingest';
  readonly destination: string;
  readonly domain: string;
  readonly app: string;
  readonly stream: string;
  readonly args: string;
  readonly starts: 'now' | 'at';
  readonly startAt: string;
  readonly ends: 'never' | 'at';
  readonly endAt: string;
  readonly delay: string;
  readonly slate: string;
  readonly tries: 'always' | 'counted';
  readonly retryCount: string;
  readonly retryEvery: string;
  readonly callback: string;
  readonly events: string;
}

export interface ItemDraft {
  readonly url: string;
  readonly from: string;
  readonly to: string;
  readonly repeats: string;
  /** Of the task as it stands, which the form does not show. */
  readonly rest?: Pick<ListItem, 'video_track' | 'audio_track'>;
}

export const EMPTY_ITEM: ItemDraft = { url: '', from: '', to: '', repeats: '' };

export const EMPTY_DRAFT: Draft = {
  name: '',
  tags: '',
  kind: 'live',
  url: '',
  items: [EMPTY_ITEM],
  endless: true,
  rounds: '1',
  startIndex: '',
  startS: '',
  boundary: 'inline',
  silence: false,
  onChange: 'breakpoint',
  standby: '',
  to: 'url',
  destination: '',
  domain: '',
  app: '',
  stream: '',
  args: '',
  starts: 'now',
  startAt: '',
  ends: 'never',
  endAt: '',
  delay: '',
  slate: '',
  tries: 'always',
  retryCount: '10',
  retryEvery: '5',
  callback: '',
  events: '',
};

export function draftOf(task: Task): Draft {
  return {
    ...EMPTY_DRAFT,
    name: task.name,
    tags: task.tags.join(', '),
    ...(task.source.kind === 'live'
      ? { kind: 'live', url: task.source.url, ...tlsOf(task.source) }
      : listDraft(task.source)),
    standby: task.standby.join('\n'),
    ...destinationDraft(task.destination),
    ...(task.start_at === null ? {} : { starts: 'at', startAt: toLocalField(task.start_at) }),
    ...(task.end_at === null ? {} : { ends: 'at', endAt: toLocalField(task.end_at) }),
    delay: numberText(task.delay_s),
    slate: task.slate ?? '',
    ...(task.retry === null
      ? {}
      : { tries: 'counted', retryCount: String(task.retry.count), retryEvery: String(task.retry.interval_s) }),
    callback: task.callback?.url ?? '',
    events: task.callback?.events.join(', ') ?? '',
  };
}

const tlsOf = ({ tls }: { readonly tls?: unknown }): { readonly tls?: unknown } => (tls === undefined ? {} : { tls });

const numberText = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : String(value);

const listDraft = (list: ListSource): Partial<Draft> => ({
  kind: 'list',
  items: list.items.map(({ url, in_s, out_s, repeats, ...rest }) => ({
    url,
    from: numberText(in_s),
    to: numberText(out_s),
    repeats: numberText(repeats),
    rest,
  })),
  endless: list.rounds === 'endless',
  rounds: list.rounds === 'endless' ? '1' : String(list.rounds),
  startIndex: numberText(list.start_index),
  startS: numberText(list.start_s),
  boundary: list.boundary ?? EMPTY_DRAFT.boundary,
  silence: list.silence ?? false,
  onChange: list.on_change ?? EMPTY_DRAFT.onChange,
});

const destinationDraft = (destination: Destination): Partial<Draft> =>
  destination.kind === 'url'
    ? { to: 'url', destination: destination.url }
    : {
        to: 'ingest',
        domain: destination.domain,
        app: destination.app,
        stream: destination.stream,
        args: destination.args ?? '',
      };

export type Body = Readonly<Record<string, unknown>>;

/** What a create sends. What was left empty is left out; a number that is none goes as it was typed, for the node to say so. */
export function bodyOf(draft: Draft): Body {
  return {
    ...(draft.name === '' ? {} : { name: draft.name }),
    ...(draft.tags.trim() === '' ? {} : { tags: parts(draft.tags, /,/) }),
    source: sourceOf(draft),
    ...(draft.standby.trim() === '' ? {} : { standby: parts(draft.standby, /\n/) }),
    destination: destinationOf(draft),
    ...(draft.starts === 'now' ? {} : { start_at: instant(draft.startAt) }),
    ...(draft.ends === 'never' ? {} : { end_at: instant(draft.endAt) }),
    ...(draft.delay === '' ? {} : { delay_s: number(draft.delay) }),
    ...(draft.slate === '' ? {} : { slate: draft.slate }),
    ...(draft.tries === 'always'
      ? {}
      : { retry: { count: number(draft.retryCount), interval_s: number(draft.retryEvery) } }),
    ...(draft.callback === '' ? {} : { callback: callbackOf(draft) }),
  };
}

/** What is said of a field when it is taken away. */
const NOTHING: Body = {
  name: '',
  tags: [],
  standby: [],
  end_at: null,
  delay_s: null,
  slate: null,
  retry: null,
  callback: null,
};

/** What a change sends: the fields that differ from the task as it was loaded. */
export function changeBodyOf(before: Draft, after: Draft): Body {
  const [from, to] = [bodyOf(before), bodyOf(after)];
  const changed = Object.keys({ ...NOTHING, ...from, ...to }).filter(
    name => name !== 'destination' && JSON.stringify(from[name]) !== JSON.stringify(to[name]),
  );
  return Object.fromEntries(
    changed.map(name => [name, to[name] ?? (name === 'start_at' ? new Date().toISOString() : NOTHING[name])]),
  );
}

const parts = (text: string, by: RegExp): string[] =>
  text
    .split(by)
    .map(part => part.trim())
    .filter(part => part !== '');

const number = (text: string): number | string =>
  text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);

/** The field is in the zone of the reader. */
function instant(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}

const sourceOf = (draft: Draft): Body =>
  draft.kind === 'live'
    ? { kind: 'live', url: draft.url.trim(), ...tlsOf(draft) }
    : {
        kind: 'list',
        items: draft.items.map(itemOf),
        rounds: draft.endless ? 'endless' : number(draft.rounds),
        ...(draft.startIndex === '' ? {} : { start_index: number(draft.startIndex) }),
        ...(draft.startS === '' ? {} : { start_s: number(draft.startS) }),
        boundary: draft.boundary,
        silence: draft.silence,
        on_change: draft.onChange,
      };

const itemOf = ({ url, from, to, repeats, rest }: ItemDraft): Body => ({
  url: url.trim(),
  ...(from === '' ? {} : { in_s: number(from) }),
  ...(to === '' ? {} : { out_s: number(to) }),
  ...(repeats === '' ? {} : { repeats: number(repeats) }),
  ...rest,
});

const destinationOf = (draft: Draft): Body =>
  draft.to === 'url'
    ? { kind: 'url', url: draft.destination.trim() }
    : {
        kind: 'ingest',
        domain: draft.domain.trim(),
        app: draft.app.trim(),
        stream: draft.stream.trim(),
        ...(draft.args === '' ? {} : { args: draft.args }),
      };

const callbackOf = ({ callback, events }: Draft): Body => ({
  url: callback.trim(),
  ...(events.trim() === '' ? {} : { events: parts(events, /,/) }),
});

/** Kept for as long as the tab is open, so that neither a look elsewhere nor a lost session costs what was typed. */
export function keptDraft(key: string): Draft | undefined {
  try {
    const text = sessionStorage.getItem(`millrace.draft.${key}`);
    return text === null ? undefined : { ...EMPTY_DRAFT, ...(JSON.parse(text) as Partial<Draft>) };
  } catch {
    return undefined;
  }
}

/** Not of a task that stands: its addresses bear keys, which are not written down in the browser. */
export const keepDraft = (key: string, draft: Draft): void =>
  sessionStorage.setItem(`millrace.draft.${key}`, JSON.stringify(draft));

export const dropDraft = (key: string): void => sessionStorage.removeItem(`millrace.draft.${key}`);

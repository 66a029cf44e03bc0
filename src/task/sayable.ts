import { isAssetUrl } from './asset.ts';
import type { Problem } from './error.ts';
import type { DialectName, ListSource, SourceSpec, TaskSpec } from './spec.ts';

/** What a spec says that the dialect it was made in has no words for: it would be shown otherwise than it is. */
export function unsayable(spec: TaskSpec): readonly Problem[] {
  const { dialect, source, destination, callback, delayMs = null, slate = null, pin = null } = spec;
  if (dialect === 'native') return [];
  return [
    ...(source.kind === 'list' ? problemsOfList(source, dialect) : []),
    ...said('source.tls', source.kind === 'live' && source.tls !== undefined),
    ...said('destination.tls', destination.tls !== undefined),
    ...said('standby', dialect === 'alibaba' && spec.standby.length > 0),
    ...said('retry', dialect === 'huawei' && spec.retry !== null),
    ...said('retry', dialect === 'alibaba' && spec.retry === null),
    ...said('callback.events', !(callback?.events ?? []).every(event => EVENTS[dialect].has(event))),
    ...said('delayMs', delayMs !== null),
    ...said('slate', slate !== null),
    ...said('pin', dialect === 'alibaba' && pin !== null),
    ...protocolProblems(spec),
  ];
}

/** What its users choose of what they are told. */
const EVENTS: Readonly<Record<Exclude<DialectName, 'native'>, ReadonlySet<string>>> = {
  huawei: new Set([
    'TaskStart',
    'TaskExit',
    'VodSourceFileStart',
    'VodSourceFileFinish',
    'ResetTaskConfig',
    'TaskAlarm',
  ]),
  alibaba: new Set(),
};

const RULE = 'is nothing that the dialect of the task can say';

const said = (field: string, isSaid: boolean): readonly Problem[] => (isSaid ? [{ field, rule: RULE }] : []);

const problemsOfList = (list: ListSource, dialect: DialectName): readonly Problem[] => [
  ...list.items.flatMap((item, at) =>
    said(
      `source.items[${at}]`,
      Object.entries(item).some(([name, value]) => name !== 'url' && value !== undefined),
    ),
  ),
  ...said('source.boundary', (list.boundary ?? 'inline') !== 'inline'),
  ...said('source.silence', list.silence ?? false),
  ...said('source.startSeconds', !Number.isInteger(list.startSeconds)),
  ...said('source.refresh', dialect === 'alibaba' && list.refresh !== 'newSource'),
  ...said('source.items', dialect === 'alibaba' && isMixed(list)),
];

/** Its lists are of media ids or of addresses. */
const isMixed = ({ items }: ListSource): boolean => new Set(items.map(({ url }) => isAssetUrl(url))).size > 1;

/** Alibaba's tasks say the protocol of their source beside its address, for good. */
const protocolProblems = ({ dialect, source, echo }: TaskSpec): readonly Problem[] =>
  dialect === 'alibaba' && source.kind === 'live' && echo.SourceProtocol !== undefined
    ? said('source.url', !isOf(source, String(echo.SourceProtocol).toLowerCase()))
    : [];

const SCHEMES: Readonly<Record<string, RegExp>> = {
  rtmp: /^rtmps?:/i,
  rtsp: /^rtsps?:/i,
  srt: /^srt:/i,
};

const isOf = (source: Extract<SourceSpec, { kind: 'live' }>, protocol: string): boolean =>
  (SCHEMES[protocol] ?? /^https?:/i).test(source.url);

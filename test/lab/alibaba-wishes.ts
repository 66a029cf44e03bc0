import type { AlibabaClient, Pairs, V3Options, WireCall } from './alibaba-client.ts';

/** Parameters by name: null leaves one out, a list sends it as often as it has values. */
export type Values = Readonly<Record<string, string | number | null | readonly string[]>>;

export const pairsOf = (values: Values): Pairs =>
  Object.entries(values).flatMap(([name, value]) => {
    if (value === null) return [];
    return (Array.isArray(value) ? value : [value]).map(one => [name, String(one)] as const);
  });

/** A call in each of the ways in which clients send one. */
export const WAYS: Readonly<Record<string, (client: AlibabaClient, action: string, pairs: Pairs) => WireCall>> = {
  'V3 GET': (client, action, pairs) => client.signed(action, pairs),
  'V3 POST': (client, action, pairs) => client.signed(action, pairs, { method: 'POST' }),
  'V3 form': (client, action, pairs) => client.signed(action, [], { method: 'POST', form: pairs }),
  'classic GET': (client, action, pairs) => client.signed(action, pairs, classic('GET', pairs)),
  'classic POST': (client, action, pairs) => client.signed(action, pairs, classic('POST', pairs)),
};

/** Classic clients name a format in every call. */
const classic = (method: string, pairs: Pairs): V3Options => ({
  ...{ mode: 'classic', method },
  common: pairs.some(([name]) => name === 'Format') ? { Format: null } : {},
});

const REGION = { Region: 'cn-shanghai' };
/** Far ahead, so that nothing that is made of it ever starts. */
const TIMES = { StartTime: '2090-01-01T00:00:00Z', EndTime: '2090-01-02T00:00:00Z' };
const DST = { DstUrl: 'rtmp://dst.example/live/b' };

/** What would do, as it stands, for a task of each kind of source. */
export const LIVE: Values = {
  ...{ ...REGION, ...TIMES, ...DST, TaskName: 'live', SourceType: 'live', SourceProtocol: 'rtmp' },
  ...{ SourceUrls: '["rtmp://src.example/live/a"]' },
};
export const FILES: Values = {
  ...{ ...REGION, ...TIMES, ...DST, TaskName: 'files', SourceType: 'url' },
  ...{ SourceUrls: '["http://m.example/a.mp4","http://m.example/b.mp4"]' },
};
export const ASSETS: Values = {
  ...{ ...REGION, ...TIMES, ...DST, TaskName: 'assets', SourceType: 'vod', SourceUrls: '["film-1","film-2"]' },
};

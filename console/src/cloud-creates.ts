import type { CloudCall } from './copies.ts';
import type { Draft } from './draft.ts';

/** The create in the words of the two clouds, where they have words for it. */
export const cloudCreates = (
  draft: Draft,
): { readonly huawei?: CloudCall | undefined; readonly alibaba?: CloudCall | undefined } => ({
  huawei: huaweiCreate(draft),
  alibaba: alibabaCreate(draft),
});

const isPlainList = ({ items }: Draft): boolean =>
  items.every(({ from, to, repeats }) => from === '' && to === '' && (repeats === '' || repeats === '1'));

const isoOf = (local: string): string => {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? local : date.toISOString().replace(/\.\d+Z$/, 'Z');
};

const addresses = ({ kind, url, items }: Draft): string[] => (kind === 'live' ? [url] : items.map(item => item.url));

const lines = (text: string): string[] => text.split('\n').filter(line => line.trim() !== '');

const REFRESH = {
  new_source: 'immediate_new_source',
  file_start: 'continue_from_file_start',
  breakpoint: 'continue_from_break_point',
} as const;

const WEEK_MS = 7 * 86_400_000;

/** Its tasks last a week at most, and end by themselves after one. */
function isTooLong({ starts, startAt, ends, endAt }: Draft): boolean {
  if (ends === 'never') return false;
  return Date.parse(endAt) - (starts === 'now' ? Date.now() : Date.parse(startAt)) > WEEK_MS;
}

function huaweiCreate(draft: Draft): CloudCall | undefined {
  if (!isPlainList(draft) || isTooLong(draft)) return undefined;
  const standby = lines(draft.standby);
  const params = {
    source_type: draft.kind === 'live' ? 'PullLivePushLive' : 'PullVodPushLive',
    source_urls: addresses(draft),
    ...(draft.kind === 'list'
      ? { vod_loop_time: draft.endless ? '-1' : draft.rounds, vod_refresh_type: REFRESH[draft.onChange] }
      : {}),
    ...(standby.length === 0 ? {} : { backup_source_type: 'PullLivePushLive', backup_source_urls: standby }),
    ...(draft.to === 'url'
      ? { destination_url: draft.destination }
      : { domain: draft.domain, app_name: draft.app, stream_name: draft.stream }),
    ...(draft.starts === 'now' ? {} : { start_time: isoOf(draft.startAt) }),
    ...(draft.ends === 'never' ? {} : { end_time: isoOf(draft.endAt) }),
    ...(draft.callback === '' ? {} : { callback_url: draft.callback }),
  };
  return { name: 'POST /v1/{project_id}/pull/stream/task', params };
}

/** As that cloud spells it. */
function protocolOf(url: string): string {
  const scheme = url.trim().split(':', 1)[0]?.toLowerCase() ?? '';
  if (scheme.startsWith('http')) return /\.m3u8(?:[?#]|$)/i.test(url) ? 'hls' : 'flv';
  return scheme.replace(/(?<=^rt[ms]p)s$/, '');
}

/** Its tasks have an end, a full address, and no standby. */
function alibabaCreate(draft: Draft): CloudCall | undefined {
  if (!isPlainList(draft) || draft.to !== 'url' || draft.ends === 'never' || draft.standby.trim() !== '')
    return undefined;
  return {
    name: 'CreateLivePullToPush',
    params: {
      RegionId: 'default',
      Region: 'default',
      TaskName: draft.name === '' ? 'task' : draft.name,
      ...(draft.kind === 'live'
        ? { SourceType: 'live', SourceProtocol: protocolOf(draft.url) }
        : { SourceType: 'url' }),
      SourceUrls: JSON.stringify(addresses(draft)),
      ...(draft.kind === 'list' ? { RepeatNumber: draft.endless ? -1 : Number(draft.rounds) - 1 } : {}),
      DstUrl: draft.destination,
      StartTime: draft.starts === 'now' ? isoOf(new Date().toISOString()) : isoOf(draft.startAt),
      EndTime: isoOf(draft.endAt),
      ...(draft.callback === '' ? {} : { CallbackUrl: draft.callback }),
    },
  };
}

/**
 * Until when a signed address is good, by the conventions of object stores and content networks; undefined where the
 * address says nothing of it. Epoch milliseconds.
 */
export function expiryOf(url: string): number | undefined {
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  const given = new Map<string, string>();
  for (const part of query.split('&')) {
    const [name = '', ...value] = part.split('=');
    given.set(name.toLowerCase(), value.join('='));
  }
  const ends = SCHEMES.map(scheme => scheme(given)).filter(at => at !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

type Given = ReadonlyMap<string, string>;

/** Each where its own parameters stand. */
const SCHEMES: readonly ((given: Given) => number | undefined)[] = [
  // Amazon S3, and whoever speaks like it: when it was signed, and for how long.
  given => since(given.get('x-amz-date'), given.get('x-amz-expires')),
  given => since(given.get('x-goog-date'), given.get('x-goog-expires')),
  given => since(given.get('x-obs-date'), given.get('x-obs-expires')),
  given => since(given.get('x-oss-date'), given.get('x-oss-expires')),
  // Older signatures of S3, OSS, OBS and CloudFront; Akamai; Qiniu.
  given => decimalSeconds(given.get('expires')),
  given => decimalSeconds(given.get('expires_at')),
  given => decimalSeconds(given.get('e')),
  given => decimalSeconds(/(?:^|~)exp=(\d+)/.exec(given.get('hdnts') ?? given.get('hdnea') ?? '')?.[1]),
  // Tencent; Huawei in hexadecimal seconds, too.
  given => hexSeconds(given.get('txtime')),
  given => hexSeconds(given.get('hwtime')),
  // Alibaba: the moment, a number, a user and the digest.
  given => decimalSeconds(/^(\d+)-/.exec(given.get('auth_key') ?? '')?.[1]),
  // Azure
  given => moment(given.get('se')),
];

function since(date: string | undefined, seconds: string | undefined): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date ?? '') ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) || !/^\d{1,9}$/.test(seconds ?? '') ? undefined : at + Number(seconds) * 1_000;
}

/** Of a moment that could be one: a number alone may mean anything. */
function decimalSeconds(text: string | undefined): number | undefined {
  return /^\d{10}$/.test(text ?? '') ? Number(text) * 1_000 : undefined;
}

function hexSeconds(text = ''): number | undefined {
  return /^[0-9a-f]{8}$/i.test(text) ? Number.parseInt(text, 16) * 1_000 : undefined;
}

function moment(text: string | undefined): number | undefined {
  const at = Date.parse(unescaped(text ?? ''));
  return Number.isNaN(at) ? undefined : at;
}

const unescaped = (text: string): string => text.replace(/%3A/gi, ':');

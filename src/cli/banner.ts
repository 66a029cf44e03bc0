export interface BannerFacts {
  readonly version: string;
  readonly data: string;
  /** http://HOST:PORT, as it really listens. */
  readonly api: string;
  /** rtmp://HOST:PORT, or undefined when the built-in server is off. */
  readonly rtmp: string | undefined;
  /** http(s)://HOST[:PORT], as people open it. */
  readonly console: string;
  /** Makes the first administrator; undefined where there is one. A secret, and printed nowhere else. */
  readonly setupToken: string | undefined;
}

/** What a person sees once the node is ready: where everything is, and the next step. */
export function banner({ version, data, api, rtmp, ...facts }: BannerFacts): string {
  return [
    `Millrace ${version} is ready. Ctrl-C stops it.`,
    '',
    `  data  ${data}`,
    `  API   ${api}`,
    `  RTMP  ${rtmp ?? 'off'}`,
    `  open  ${consoleLink(facts)}`,
    ...(facts.setupToken === undefined ? [] : [`        (makes the administrator: once, within 30 minutes)`]),
    '',
    'The first task, from another terminal in the project folder:',
    `  eval "$(bin/millrace key create --env --data ${quote(data)})"`,
    `  node examples/create-task.mjs ${api}${rtmp === undefined ? ' SOURCE_URL DESTINATION_URL' : ` ${rtmp}/live/src ${rtmp}/live/out`}`,
    '',
  ].join('\n');
}

/** The token stands behind the `#`, which browsers send to nobody. */
export const consoleLink = ({ console, setupToken }: Pick<BannerFacts, 'console' | 'setupToken'>): string =>
  setupToken === undefined ? `${console}/` : `${console}/#/setup?token=${setupToken}`;

/** As a shell takes it, so that the line can be pasted. */
const quote = (text: string): string => (/^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

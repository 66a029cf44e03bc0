export interface BannerFacts {
  readonly version: string;
  readonly data: string;
  /** http://HOST:PORT, as it really listens. */
  readonly api: string;
  /** rtmp://HOST:PORT, or undefined when the built-in server is off. */
  readonly rtmp: string | undefined;
}

/** What a person sees once the node is ready: where everything is, and the next step. */
export function banner({ version, data, api, rtmp }: BannerFacts): string {
  return [
    `Millrace ${version} is ready. Ctrl-C stops it.`,
    '',
    `  data  ${data}`,
    `  API   ${api}`,
    `  RTMP  ${rtmp ?? 'off'}`,
    '',
    'The first task, from another terminal in the project folder:',
    `  eval "$(bin/millrace key create --env --data ${quote(data)})"`,
    `  node examples/create-task.mjs ${api}${rtmp === undefined ? ' SOURCE_URL DESTINATION_URL' : ` ${rtmp}/live/src ${rtmp}/live/out`}`,
    '',
  ].join('\n');
}

/** As a shell takes it, so that the line can be pasted. */
const quote = (text: string): string => (/^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A block of shell in a document that is there to be run. */
interface Block {
  readonly lines: string;
  /** It goes on until the end: a publisher, or a receiver. */
  readonly background: boolean;
}

/** Blocks whose fence says so: `sh run`, or `sh run background`. */
const blocksOf = (document: string): Block[] =>
  [...document.matchAll(/^```sh run( background)?\n([\s\S]*?)^```$/gm)].map(([, background, lines = '']) => ({
    lines,
    background: background !== undefined,
  }));

export const isRunnable = (document: string): boolean => blocksOf(document).length > 0;

/** Where the addresses that documents name are found in a test. */
export interface Places {
  readonly api: string;
  readonly rtmp: string;
  readonly receiver: string;
}

/** One script of all blocks, in their order and in one shell: what one of them sets, the next ones have. */
export function scriptOf(document: string, { api, rtmp, receiver }: Places): string {
  const blocks = blocksOf(document).map(({ lines, background }, i) => {
    const words = lines
      .replaceAll('127.0.0.1:8080', api)
      .replaceAll('127.0.0.1:1935', rtmp)
      .replaceAll('127.0.0.1:9000', receiver);
    return `echo "== block ${i + 1}"\n${background ? inBackground(words, receiver) : words}`;
  });
  return [STRICT, ...blocks].join('\n');
}

/** What fails ends the script, a refusal that curl has printed included, and nothing outlives it. */
const STRICT = `set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
curl() { command curl --fail-with-body "$@"; }`;

/** Whoever reads the document goes on once it runs; so does the script. */
function inBackground(words: string, receiver: string): string {
  const published = /rtmp:\S+\s*$/.exec(words)?.[0].trim();
  const [host = '', port = ''] = receiver.split(':');
  const isThere = published === undefined ? `true <>/dev/tcp/${host}/${port}` : `bin/millrace probe ${published}`;
  return `( exec ${words} ) &\nuntil ( ${isThere} ) >/dev/null 2>&1; do sleep 0.1; done\n`;
}

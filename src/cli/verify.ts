import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { Doors, ReceivedCallback } from './doors.ts';
import { readDuration } from './duration.ts';
import { Misused } from './exit.ts';
import type { World } from './program.ts';
import { plain, readBytes, type Terminal, when } from './terminal.ts';

const TOLERANCE_MS = 5 * 60_000;

const EXAMPLES = `
Examples:
  millrace callback verify --secret-file secret --header "webhook-id: $ID" --header "webhook-timestamp: $AT" \\
    --header "webhook-signature: $SIGNATURE" < body
  MILLRACE_CALLBACK_SECRET=whsec_... millrace callback verify --tolerance 30d --header ... < body

The body is to be what came in, byte for byte: printf and cat keep it, echo and editors add a line break.`;

interface VerifyFlags {
  readonly secretFile?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly tolerance: number;
}

export function addVerify(callback: Command, world: World): void {
  const verify = callback
    .command('verify')
    .description('check the signature of a callback that was received, its body on stdin; asks no node')
    .option(
      '--secret-file <FILE>',
      'one secret a line (default: those in MILLRACE_CALLBACK_SECRET, with blanks between)',
    )
    .option('--header <NAME: VALUE>', 'a header as it came in (again for more of them)', gatherHeader)
    .option('--tolerance <DURATION>', 'how old the try may be (default: 5m)', readDuration, TOLERANCE_MS)
    .addHelpText('after', EXAMPLES);
  verify.action(async ({ secretFile, header = {}, tolerance }: VerifyFlags) => {
    const { terminal, doors } = world;
    const secrets = secretsOf(terminal, secretFile);
    const body = await readBytes(terminal.stdin);
    const received = { headers: header, body, secrets, nowMs: terminal.now(), toleranceMs: tolerance };
    const why = explained(received, (await doors()).verifyWebhook);
    if (why !== undefined) throw new Error(`not to be trusted: ${plain(why)}`);
    const at = when(Number(header['webhook-timestamp']) * 1000);
    terminal.out(`valid: event ${plain(header['webhook-id'] ?? '')}, signed at ${at}\n`);
  });
}

function gatherHeader(text: string, gathered: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = '', value = ''] = /^([\w-]+):\s*(.*?)\s*$/.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('Write it like "webhook-id: 0199f2…".');
  return { ...gathered, [name.toLowerCase()]: value };
}

function secretsOf({ cwd, env }: Terminal, file: string | undefined): readonly string[] {
  const secrets = (file === undefined ? (env.MILLRACE_CALLBACK_SECRET ?? '') : textOf(file, cwd))
    .split(/\s+/)
    .filter(text => text !== '');
  if (secrets.length === 0) throw new Misused('there is no secret: give --secret-file or MILLRACE_CALLBACK_SECRET');
  if (!secrets.every(secret => /^whsec_[A-Za-z0-9+/]+=*$/.test(secret)))
    throw new Misused('a secret is whsec_ and base64, as "millrace callback secret rotate" prints it');
  return secrets;
}

function textOf(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw new Misused(`${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Why not, and what a person may have done to a body or a request that was right once. */
function explained(received: ReceivedCallback, verify: Doors['verifyWebhook']): string | undefined {
  const why = verify(received);
  if (why === undefined) return undefined;
  const ageless = { ...received, toleranceMs: Number.MAX_SAFE_INTEGER };
  if (verify(ageless) === undefined)
    return `${why}, though its signature fits: take older ones with --tolerance, if it was kept for a while`;
  const change = CHANGES.find(({ undo }) => verify({ ...ageless, body: undo(received.body) }) === undefined);
  if (change !== undefined) return `the body was changed on the way: ${change.what}`;
  return /^no signature/.test(why) ? `${why}, or the body is not the one that was sent` : why;
}

const CHANGES: readonly { readonly what: string; readonly undo: (body: Uint8Array) => Uint8Array }[] = [
  { what: 'a line break was added at its end', undo: body => rewritten(body, text => text.replace(/\r?\n$/, '')) },
  {
    what: 'its JSON was read and written anew; the signature is over the bytes as they came',
    undo: body => rewritten(body, text => JSON.stringify(JSON.parse(text))),
  },
];

function rewritten(body: Uint8Array, rewrite: (text: string) => string): Uint8Array {
  try {
    return Buffer.from(rewrite(Buffer.from(body).toString()));
  } catch {
    return body;
  }
}

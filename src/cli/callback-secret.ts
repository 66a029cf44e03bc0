import type { Command } from 'commander';
import { readOverlap } from './duration.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { json, plain, table } from './terminal.ts';

export function addSecretCommands(callback: Command, world: World): void {
  const secret = callback.command('secret').description('what the callbacks of an account are signed with');
  addShow(secret, world);
  addRotate(secret, world);
}

function addShow(secret: Command, world: World): void {
  const show = withNodeFlags(secret.command('show'))
    .description('tell which secrets sign now, and until when; never the secrets themselves')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  millrace callback secret show');
  show.action(async (given: { json?: boolean }) => {
    const secrets = await usingNode(show, world, client => client.callbackSecrets());
    const rows = secrets.map(it => [it.id, it.created_at, it.retires_at ?? 'never'].map(plain));
    world.terminal.out(given.json ? json(secrets) : table(['ID', 'CREATED', 'RETIRES'], rows));
  });
}

const EXAMPLES = `
Examples:
  millrace callback secret rotate                  # both sign for a day
  millrace callback secret rotate --overlap 0s     # somebody has seen the former one: void at once
  millrace callback secret rotate --json | jq -r .secret > secret`;

function addRotate(secret: Command, world: World): void {
  const rotate = withNodeFlags(secret.command('rotate'))
    .description('make a new secret and print it; it is not shown again')
    .option('--overlap <DURATION>', 'how long the former one signs too (default: 24h)', readOverlap)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
  rotate.action(async ({ overlap, json: asJson }: { overlap?: number; json?: boolean }) => {
    const wish = overlap === undefined ? {} : { overlap_s: Math.round(overlap / 1000) };
    const made = await usingNode(rotate, world, client => client.rotateSecret(wish));
    const former = made.retires_at === null ? [] : [`former      signs until ${plain(made.retires_at)}`];
    const lines = [`secret      ${made.secret}   (shown this once)`, ...former, ''];
    world.terminal.out(asJson ? json(made) : lines.join('\n'));
  });
}

import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { mustBeThere } from './accounts.ts';
import { configOf, withConfigFlags } from './config.ts';
import type { Asset, OpenAssets, Probe } from './doors.ts';
import { Missing } from './exit.ts';
import type { World } from './program.ts';
import { json, table, when } from './terminal.ts';

export function addAssetCommands(program: Command, world: World): void {
  const asset = program.command('asset').description('media assets: names for files, which lists give as asset://ID');
  addAdd(asset, world);
  addList(asset, world);
  addShow(asset, world);
  addDelete(asset, world);
}

/** Opens the assets of the data directory for as long as `use` takes; a server may be running on it meanwhile. */
async function usingAssets<T>(
  command: Command,
  { terminal, doors, signal }: World,
  use: (open: OpenAssets, config: Config) => Promise<T>,
): Promise<T> {
  const config = configOf(command, terminal);
  const { openAssets } = await doors();
  const open = await openAssets(config, { signal });
  try {
    return await use(open, config);
  } finally {
    await open.close();
  }
}

const withAccount = (command: Command): Command =>
  command.option('--account <A>', 'the account whose lists name it (default: default)');

interface AddFlags {
  readonly id?: string;
  readonly account?: string;
  readonly probe: boolean;
  readonly replace?: boolean;
  readonly json?: boolean;
}

function addAdd(asset: Command, world: World): void {
  const add = withAccount(withConfigFlags(asset.command('add'), ['data', 'media', 'network']))
    .description('name a file, once it has been looked through')
    .argument('<FILE_OR_URL>', 'a file in the media directory, media://NAME, or an http(s) address')
    .option('--id <ID>', 'its name (default: 32 hex digits, as the clouds have them)')
    .option('--replace', 'lead the asset of that name elsewhere, if there is one')
    .option('--no-probe', 'do not look the file through: it may come later')
    .option('--json', 'print JSON');
  add.action(async (file: string, { id, account, probe, replace = false, json: asJson }: AddFlags) => {
    const made = await usingAssets(add, world, async ({ assets, addressOf }) =>
      assets.add({
        url: await addressOf(file, world.terminal.cwd),
        probe,
        replace,
        ...(id === undefined ? {} : { id }),
        ...(account === undefined ? {} : { accountId: account }),
      }),
    );
    world.terminal.out(asJson ? json(said(made)) : lines(made));
  });
}

function addList(asset: Command, world: World): void {
  const list = withConfigFlags(asset.command('list'), ['data'])
    .description('list the assets')
    .option('--account <A>', 'of this account only')
    .option('--json', 'print JSON');
  list.action(async (given: { account?: string; json?: boolean }) => {
    const assets = await usingAssets(list, world, ({ assets }) => assets.list(given.account));
    const headings = ['ID', 'ACCOUNT', 'LENGTH', 'VIDEO', 'AUDIO', 'KEY FRAMES', 'ADDRESS'];
    world.terminal.out(given.json ? json(assets.map(one => said(one))) : table(headings, assets.map(row)));
  });
}

function addShow(asset: Command, world: World): void {
  const show = withAccount(withConfigFlags(asset.command('show'), ['data']))
    .description('tell what is known of an asset')
    .argument('<ID>')
    .option('--reveal', 'print its address whole, signature and all')
    .option('--json', 'print JSON');
  show.action(async (id: string, given: { account?: string; reveal?: boolean; json?: boolean }) => {
    const found = await usingAssets(show, world, ({ assets }) => assets.get(id, given.account));
    if (found === undefined) throw new Missing(`there is no asset ${id}`);
    const reveal = given.reveal === true;
    world.terminal.out(given.json ? json(said(found, reveal)) : lines(found, reveal));
  });
}

function addDelete(asset: Command, world: World): void {
  const remove = withAccount(withConfigFlags(asset.command('delete'), ['data']))
    .description('delete an asset; lists that name it pass over it from then on')
    .argument('<ID>');
  remove.action(async (id: string, { account }: { account?: string }) => {
    const found = await usingAssets(remove, world, ({ assets }) => assets.remove(id, account));
    mustBeThere(found, `asset ${id}`);
  });
}

/** Without what may be a password or a signature. */
const withoutSecrets = (url: string): string =>
  url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1***@').replace(/\?.*$/s, '?***');

const addressIn = ({ url }: Asset, reveal: boolean): string => (reveal ? url : withoutSecrets(url));

/** What lists say, percent-encoded as main.ts reads it. */
const nameOf = ({ id }: Asset): string => `asset://${encodeURIComponent(id)}`;

const said = (asset: Asset, reveal = false) => ({
  id: asset.id,
  account: asset.accountId,
  name: nameOf(asset),
  address: addressIn(asset, reveal),
  created: when(asset.createdAt),
  probe: asset.probe,
});

function lines(asset: Asset, reveal = false): string {
  const { probe } = asset;
  const facts: (readonly [string, string])[] = [
    ['name', nameOf(asset)],
    ['account', asset.accountId],
    ['address', addressIn(asset, reveal)],
    ['length', lengthOf(probe)],
    ['video', videoOf(probe)],
    ['audio', audioOf(probe)],
    ['key frames', keyFramesOf(probe)],
    ['created', when(asset.createdAt)],
    ...(probe?.notes ?? []).map(note => ['note', note] as const),
  ];
  return facts.map(([what, fact]) => `${what.padEnd(10)}  ${fact}\n`).join('');
}

const row = (asset: Asset): string[] => [
  asset.id,
  asset.accountId,
  lengthOf(asset.probe),
  videoOf(asset.probe),
  audioOf(asset.probe),
  keyFramesOf(asset.probe),
  addressIn(asset, false),
];

const UNKNOWN = 'not known';

function lengthOf(probe: Probe | null): string {
  if (probe?.durationMs === undefined) return UNKNOWN;
  const tenths = Math.round(probe.durationMs / 100);
  const parts = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, Math.floor(tenths / 10) % 60];
  return `${parts.map(part => String(part).padStart(2, '0')).join(':')}.${tenths % 10}`;
}

function videoOf(probe: Probe | null): string {
  if (probe === null) return UNKNOWN;
  if (probe.video === undefined) return 'none';
  const { codec, width, height, fps } = probe.video;
  const size = width === undefined || height === undefined ? '' : ` ${width}x${height}`;
  return `${codec}${size}${fps === undefined ? '' : ` ${fps} fps`}`;
}

function audioOf(probe: Probe | null): string {
  if (probe === null) return UNKNOWN;
  if (probe.audio === undefined) return 'none';
  const { codec, sampleRate, channels } = probe.audio;
  const rate = sampleRate === undefined ? '' : ` ${sampleRate} Hz`;
  return `${codec}${rate}${channels === undefined ? '' : ` ${channels} ch`}`;
}

function keyFramesOf(probe: Probe | null): string {
  if (probe === null) return UNKNOWN;
  const { count, longestGapMs } = probe.keyFrames;
  return count === 0 ? 'none' : `${count}, at most ${(longestGapMs / 1000).toFixed(1)} s apart`;
}

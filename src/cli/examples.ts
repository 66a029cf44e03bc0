import type { Command } from 'commander';

/** Of commands that say nothing of it themselves: what people most often want of each. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  serve: ['serve', 'serve --data /var/lib/millrace --listen 0.0.0.0:8080 --network public', 'serve --replace'],
  try: ['try rtmp://cam.example/live/1 rtmp://push.example/live/KEY'],
  'account create': ['account create acme', 'account create acme --no-live'],
  'account list': ['account list', "account list --json | jq '.[].id'"],
  'account enable-live': ['account enable-live acme'],
  'account disable-live': ['account disable-live acme'],
  'account delete': ['account delete acme'],
  'key list': ['key list', 'key list --json'],
  'key disable': ['key disable AKEXAMPLE'],
  'key enable': ['key enable AKEXAMPLE'],
  'key delete': ['key delete AKEXAMPLE'],
  'user add': ['user add anna', 'user add anna --policy OperatorAccess --password-stdin < password.txt'],
  'user list': ['user list', 'user list --json'],
  'user policy': ['user policy anna ReadOnlyAccess', 'user policy anna none'],
  'user disable': ['user disable anna'],
  'user enable': ['user enable anna'],
  'user remove': ['user remove anna'],
  'policy add': ['policy add watchers policy.json', 'policy show watchers | millrace policy add copy -'],
  'policy list': ['policy list', 'policy list --json'],
  'policy show': ['policy show FullAccess'],
  'policy delete': ['policy delete watchers'],
  'domain add': ['domain add push.example.com --to rtmp://10.0.0.1:1935'],
  'domain list': ['domain list', 'domain list --json'],
  'domain remove': ['domain remove push.example.com'],
  'asset add': [
    'asset add intro.mp4 --id intro --media /srv/media',
    'asset add https://files.example/a.mp4 --no-probe',
  ],
  'asset list': ['asset list', 'asset list --account acme --json'],
  'asset show': ['asset show intro', 'asset show intro --reveal --json'],
  'asset delete': ['asset delete intro'],
  'config show': ['config show --origin', 'config show --listen 0.0.0.0:8080 --json'],
  version: ['version'],
};

/** Gives each of them its examples. */
export function addExamples(command: Command, path = ''): void {
  const lines = EXAMPLES[path];
  if (lines !== undefined) {
    const title = lines.length === 1 ? 'Example' : 'Examples';
    command.addHelpText('after', `\n${title}:\n${lines.map(line => `  millrace ${line}`).join('\n')}`);
  }
  for (const inner of command.commands) addExamples(inner, path === '' ? inner.name() : `${path} ${inner.name()}`);
}

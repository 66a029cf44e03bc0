import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { freePort, type Place } from './place.ts';
import { until } from './wait.ts';

const PAGE = fileURLToPath(new URL('../../docs/cluster.md', import.meta.url));

/** A NATS server by the book: with the file that the page on clusters shows, on ports and in folders of its own. */
export interface BookServer {
  readonly url: string;
  readonly child: Child;
}

export interface LinkedServers {
  readonly hub: BookServer;
  readonly leaf: BookServer;
  /** Of the hub's JetStream, as that file names it. */
  readonly domain: string;
  /** Starts the leaf's server again, with the same file and the same port. */
  restartLeaf(): Promise<BookServer>;
}

/** The block of the page that begins with the name of the file. */
function fileOfPage(name: string): string {
  const text = readFileSync(PAGE, 'utf8');
  const [, block] =
    new RegExp(`^\`\`\`text\\n(# ${name.replace('.', '\\.')}.*\\n[\\s\\S]*?)^\`\`\``, 'm').exec(text) ?? [];
  if (block === undefined) throw new Error(`${PAGE} shows no ${name}`);
  return block;
}

export async function startLinkedServers(place: Place): Promise<LinkedServers> {
  const [hubPort, leafPort, linkPort] = [await freePort(), await freePort(), await freePort()];
  const own = (text: string, port: number): string =>
    text
      .replaceAll('0.0.0.0:4222', `127.0.0.1:${port}`)
      .replaceAll(/(0\.0\.0\.0|hub\.example):7422/g, `127.0.0.1:${linkPort}`)
      .replaceAll('/var/lib/nats', place.path('hub'));
  const hubFile = own(fileOfPage('hub.conf'), hubPort);
  const leafFile = own(fileOfPage('leaf.conf'), leafPort);
  const hub = await start(place, { name: 'hub.conf', text: hubFile, port: hubPort });
  const startLeaf = () => start(place, { name: 'leaf.conf', text: leafFile, port: leafPort });
  const leaf = await startLeaf();
  return { hub, leaf, domain: /domain: (\w+)/.exec(hubFile)?.[1] ?? '', restartLeaf: startLeaf };
}

interface ServerFile {
  readonly name: string;
  readonly text: string;
  readonly port: number;
}

async function start(place: Place, { name, text, port }: ServerFile): Promise<BookServer> {
  writeFileSync(place.path(name), text);
  const child = place.own(new Child('/usr/sbin/nats-server', ['-c', place.path(name)]), it => it.stop('SIGKILL'));
  await until(`the server of ${name} listens`, () => {
    if (!child.running) throw new Error(child.output);
    return listens(port);
  });
  const [, user, password] = /^authorization \{ user: (\w+), password: "([\w-]+)"/m.exec(text) ?? [];
  return { url: `nats://${user}:${password}@127.0.0.1:${port}`, child };
}

const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('data', () => socket.destroy());
  });

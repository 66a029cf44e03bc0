import { type Check, fail, ok, unseen, type Verdict, warn } from './check.ts';
import { quoted } from './data-checks.ts';
import type { Listener } from './facts.ts';

const SLOW_NAMES_MS = 500;
const KERNEL_BUFFER = 212_992;
const FEW_PORTS = 10_000;
const FEW_DAYS = 14;

const listenerCheck = (name: Listener['name'], why: string): Check => ({
  name: `${name}-address`,
  why,
  judge: ({ listeners }) => {
    const listener = listeners.find(it => it.name === name);
    return listener === undefined ? ok('it is switched off') : judgeListener(listener);
  },
});

function judgeListener({ address, state, option }: Listener): Verdict {
  const port = address.split(':').at(-1);
  if (state === 'free') return ok(`${address} is free`);
  if (state === 'ours') return ok(`${address}, where the node listens`);
  if (state === 'taken') return fail(`another program listens at ${address}`, `ss -ltnp 'sport = :${port}'`);
  return fail(
    `${address} is not an address of this machine, or not for this user`,
    `millrace serve --${option} 127.0.0.1:${port}`,
  );
}

/** What goes in and out. */
export const NETWORK_CHECKS: readonly Check[] = [
  listenerCheck('api', 'Consoles, clients and commands come to this address.'),
  listenerCheck('rtmp', 'Encoders that push to the node come to this address.'),
  {
    name: 'exposure',
    why: 'Under the policy "lab" whoever may make tasks reaches every service of this machine and its network.',
    judge: ({ exposure: { network, isLoopback, listen } }) => {
      if (network !== 'lab') return ok(`relays go by the policy "${network}"`);
      if (isLoopback) return ok('the policy is "lab", and the API is for this machine only');
      return fail(`the policy is "lab", and ${listen} is open to others`, 'millrace serve --network public');
    },
  },
  {
    name: 'console-https',
    why: 'Passwords and cookies that go over a network unencrypted can be read on the way.',
    judge: ({ exposure: { isLoopback, consoleUrl, listen } }) => {
      if (consoleUrl?.startsWith('https:')) return ok(`people come by ${consoleUrl}`);
      if (isLoopback) return ok('the API is for this machine only');
      return warn(`${listen} is open to others, without TLS in front`, 'millrace serve --console-url https://NAME');
    },
  },
  {
    name: 'address-policy',
    why: 'Users give addresses that this machine dials: its own services and cloud metadata must not be among them.',
    judge: ({ spellings: { tried, allowed } }) =>
      allowed.length === 0
        ? ok(`${tried} spellings of forbidden addresses are refused`)
        : fail(`it would dial ${allowed.join(', ')}`, 'millrace serve --network public'),
  },
  {
    name: 'name-servers',
    why: 'Sources and destinations are names: while they cannot be looked up, nothing new is reached.',
    judge: ({ names: { servers, tookMs, answer, detail } }) => {
      if (answer === 'failed') return warn(`no answer: ${detail}`, 'cat /etc/resolv.conf');
      const found = `an answer within ${Math.round(tookMs)} ms, of ${servers} name server${servers === 1 ? '' : 's'}`;
      return tookMs <= SLOW_NAMES_MS ? ok(found) : warn(`${found}: that is slow`, 'cat /etc/resolv.conf');
    },
  },
  {
    name: 'name-honesty',
    why: 'A name server that finds every name sends a source with a slip of the pen to a stranger.',
    judge: ({ names: { answer, detail } }) => {
      if (answer === 'none') return ok('a name that is not there is said not to be there');
      if (answer === 'failed') return unseen('it');
      return warn(`a name that cannot be there is said to be ${detail}`, 'cat /etc/resolv.conf');
    },
  },
  {
    name: 'networks',
    why: 'Without an address that leads off this machine, only what runs on it can be relayed.',
    judge: ({ families }) =>
      families.length > 0 ? ok(families.join(' and ')) : warn('only loopback addresses', 'ip address'),
  },
  {
    name: 'authorities',
    why: 'Peers whose certificate comes from an authority of your own are believed by this file.',
    judge: ({ authorities }) => {
      if (authorities === null) return ok('those of the system');
      if (authorities.error !== '') return fail(authorities.error, 'millrace config show --origin');
      if (authorities.daysLeft === null) return unseen('their age');
      const found = `the first ends in ${authorities.daysLeft} days`;
      if (authorities.daysLeft >= FEW_DAYS) return ok(found);
      const fix = 'openssl x509 -enddate -noout -in FILE';
      return authorities.daysLeft < 0 ? fail('one of them has ended', fix) : warn(found, fix);
    },
  },
  {
    name: 'media-directory',
    why: 'Lists that name media:// files find them there.',
    judge: ({ media }) => {
      if (media === null) return ok('none is configured');
      return media.error === ''
        ? ok(media.path)
        : fail(`${media.path} cannot be read: ${media.error}`, `ls -ld ${quoted(media.path)}`);
    },
  },
  {
    name: 'socket-buffers',
    why: 'A fast stream over a far network needs room in the kernel for what is on its way.',
    judge: ({ buffers: { sendBytes, receiveBytes } }) => {
      if (sendBytes === null || receiveBytes === null) return unseen('it');
      const least = Math.min(sendBytes, receiveBytes);
      const found = `up to ${Math.round(least / 1024)} KiB`;
      const fix = 'sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304';
      return least >= KERNEL_BUFFER ? ok(found) : warn(`${found} only`, fix);
    },
  },
  {
    name: 'local-ports',
    why: 'Each connection out takes one; a node with few of them reaches few peers.',
    judge: ({ localPorts }) => {
      if (localPorts === null) return unseen('it');
      const found = `${localPorts} for connections out`;
      const fix = "sysctl -w net.ipv4.ip_local_port_range='16384 60999'";
      return localPorts >= FEW_PORTS ? ok(found) : warn(found, fix);
    },
  },
];

const PORTS: Readonly<Record<string, string>> = { rtmp: '1935', rtmps: '443' };

/**
 * The one spelling of an address that is pushed to, whichever its user has chosen: two that come to the same here are
 * the same place at the same peer. Path and query stay as they are, for whose keys they are says nobody but the peer.
 */
export function canonicalPush(address: string): string {
  const [, scheme, authority, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(address) ?? [];
  if (scheme === undefined || authority === undefined || rest === undefined) return address;
  const lower = scheme.toLowerCase();
  const { host, port } = hostAndPort(authority.slice(authority.lastIndexOf('@') + 1));
  return `${lower}://${canonicalHost(host)}:${port || (PORTS[lower] ?? '')}${rest.replace(/#.*$/s, '')}`;
}

/** Not where a node waits itself, at a port of its own, for players that call: others may do so at theirs. */
export const leadsToPeer = (address: string): boolean => !/^srt:\/\/[^?]*\?(?:.*&)?mode=listener(?:&|$)/i.test(address);

/** An IPv6 address has colons of its own, and brackets for them. */
function hostAndPort(authority: string): { readonly host: string; readonly port: string } {
  const [, host = authority, port = ''] = /^(.*):(\d*)$/.exec(authority) ?? [];
  return authority.endsWith(']') ? { host: authority, port: '' } : { host, port: port.replace(/^0+(?=\d)/, '') };
}

/** As names and addresses are written on the web: lower case, `xn--`, one form of each IP address. */
function canonicalHost(host: string): string {
  const parsed = URL.parse(`http://${host}`);
  return (parsed === null ? host.toLowerCase() : parsed.hostname).replace(/\.$/, '');
}

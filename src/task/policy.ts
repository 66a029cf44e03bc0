/** Which calls are allowed: JSON documents as both clouds write them, on actions alone. */
export interface PolicyDocument {
  /** "1" as Alibaba writes it, "1.1" as Huawei does. */
  readonly version: '1' | '1.1';
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  /** Names of actions, where `*` stands for any text. Case does not matter. */
  readonly actions: readonly string[];
}

/** A document under a name, for the users and keys of one account. */
export interface Policy {
  readonly name: string;
  readonly accountId: string;
  readonly document: PolicyDocument;
}

/** A document that does not say what a policy says; the message names the place and the rule. */
export class InvalidPolicy extends Error {
  override readonly name = 'InvalidPolicy';

  constructor(path: string, rule: string) {
    super(path === '' ? `the document ${rule}` : `${path} ${rule}`);
  }
}

const allowing = (...actions: string[]): PolicyDocument => ({
  version: '1',
  statements: [{ effect: 'Allow', actions }],
});

/** Stands in every account, and is never stored. */
export const BUILT_IN_POLICIES: ReadonlyMap<string, PolicyDocument> = new Map([
  ['FullAccess', allowing('live:*', 'millrace:*')],
  [
    'OperatorAccess',
    allowing(
      ...['live:*', 'millrace:*:list', 'millrace:tasks:*', 'millrace:deliveries:*', 'millrace:callbacks:test'],
      ...['millrace:streams:*', 'millrace:assets:*'],
    ),
  ],
  ['ReadOnlyAccess', allowing('live:Describe*', 'live:stream:listPullTask', 'millrace:*:list')],
]);

export type Role = 'admin' | 'operator' | 'viewer';

/** What people call the built-in policies. */
export const POLICY_OF: Readonly<Record<Role, string>> = {
  admin: 'FullAccess',
  operator: 'OperatorAccess',
  viewer: 'ReadOnlyAccess',
};

const ROLES: readonly Role[] = ['admin', 'operator', 'viewer'];

/** Whoever has other policies, or several, has no role. */
export function roleOf(policies: readonly string[]): Role | null {
  const [only, ...more] = policies;
  return (more.length === 0 && ROLES.find(role => POLICY_OF[role] === only)) || null;
}

/** What the first users of an installation get, and those of before there were policies. */
export const FULL_ACCESS = 'FullAccess';

/** "none" is how a user without any policy is asked for. */
export const isPolicyName = (text: string): boolean => /^[A-Za-z0-9_-]{1,128}$/.test(text) && text !== 'none';

/**
 * Whether the policies together allow the action: one has to, and none may deny it. Where they say nothing of it, the
 * permission for a `wider` action covers it.
 */
export function mayCall(policies: readonly PolicyDocument[], action: string, wider?: string): boolean {
  const verdict = judge(policies, action);
  return verdict === 'unsaid' && wider !== undefined ? judge(policies, wider) === 'allowed' : verdict === 'allowed';
}

function judge(policies: readonly PolicyDocument[], action: string): 'allowed' | 'denied' | 'unsaid' {
  const name = action.toLowerCase();
  const said = policies
    .flatMap(({ statements }) => statements)
    .filter(({ actions }) => actions.some(pattern => matches(pattern.toLowerCase(), name)));
  if (said.some(({ effect }) => effect === 'Deny')) return 'denied';
  return said.length > 0 ? 'allowed' : 'unsaid';
}

/** In one pass, whatever the pattern: a document cannot make the check slow. */
function matches(pattern: string, name: string): boolean {
  const [head = '', ...parts] = pattern.split('*');
  const tail = parts.pop();
  if (tail === undefined) return pattern === name;
  if (!name.startsWith(head)) return false;
  let at = head.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - tail.length >= at && name.endsWith(tail);
}

/** As long as the longest document that a cloud takes. */
const MOST_TEXT = 6144;
const MOST_ACTION = 128;

/** Reads a document strictly: what it says and we do not understand would otherwise be thought to be in force. */
export function readPolicy(text: string): PolicyDocument {
  if (text.length > MOST_TEXT) throw new InvalidPolicy('', `has at most ${MOST_TEXT} characters`);
  const document = members(parse(text), '', ['Version', 'Statement']);
  const { Version: version, Statement: statements } = document;
  if (version !== '1' && version !== '1.1') throw new InvalidPolicy('Version', 'must be "1" or "1.1"');
  if (!Array.isArray(statements) || statements.length === 0) {
    throw new InvalidPolicy('Statement', 'must be an array of at least one statement');
  }
  return { version, statements: statements.map((it, at) => readStatement(it, `Statement[${at}]`, version)) };
}

/** In the words it is read from. */
export const printPolicy = ({ version, statements }: PolicyDocument): object => ({
  Version: version,
  Statement: statements.map(({ effect, actions }) => ({ Effect: effect, Action: actions, Resource: '*' })),
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidPolicy('', 'is not JSON');
  }
}

function readStatement(value: unknown, path: string, version: PolicyDocument['version']): Statement {
  const { Effect: effect, Action: action, Resource: resource } = members(value, path, ['Effect', 'Action', 'Resource']);
  if (effect !== 'Allow' && effect !== 'Deny') throw new InvalidPolicy(`${path}.Effect`, 'must be "Allow" or "Deny"');
  checkResource(resource, `${path}.Resource`, version);
  return { effect, actions: readActions(action, `${path}.Action`) };
}

function readActions(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) return [readAction(value, path)];
  if (value.length === 0) throw new InvalidPolicy(path, 'must name at least one action');
  return value.map((it, at) => readAction(it, `${path}[${at}]`));
}

function readAction(value: unknown, path: string): string {
  const pattern = /^(?:\*|[A-Za-z0-9_-]+:[A-Za-z0-9_.:*-]+)$/;
  if (typeof value === 'string' && value.length <= MOST_ACTION && pattern.test(value)) return value;
  throw new InvalidPolicy(path, 'must be an action like "live:Describe*" or "live:stream:listPullTask", or "*"');
}

/** Tasks are not told apart by policies. Huawei leaves a resource that is everything out. */
function checkResource(value: unknown, path: string, version: PolicyDocument['version']): void {
  if (value === undefined && version === '1.1') return;
  const [only, ...more] = Array.isArray(value) ? value : [value];
  if (only !== '*' || more.length > 0) throw new InvalidPolicy(path, 'must be "*"');
}

function members(value: unknown, path: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidPolicy(path, 'must be an object');
  }
  const stranger = Object.keys(value).find(key => !known.includes(key));
  if (stranger !== undefined) {
    throw new InvalidPolicy(path === '' ? stranger : `${path}.${stranger}`, 'is not understood here');
  }
  return { ...value };
}

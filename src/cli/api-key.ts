import type { ApiKey, ApiKeyWish, ListedApiKey } from './doors.ts';
import { Misused } from './exit.ts';
import { namedPolicies, policyList } from './policy.ts';
import { json, plain, table, when } from './terminal.ts';

export interface ApiKeyFlags {
  readonly account?: string;
  readonly project?: string;
  readonly user?: string;
  readonly name?: string;
  readonly policy?: readonly string[];
  readonly life?: number;
  readonly temporary?: number;
  readonly env?: boolean;
  readonly json?: boolean;
}

export function apiKeyWish({ account, project, user, name, policy, life, temporary }: ApiKeyFlags): ApiKeyWish {
  if (temporary !== undefined) throw new Misused('an API key has no security token: let it expire with --life');
  return {
    ...(account === undefined ? {} : { accountId: account }),
    ...(project === undefined ? {} : { projectId: project }),
    ...(user === undefined ? {} : { user }),
    ...(name === undefined ? {} : { name }),
    ...(policy === undefined ? {} : { policies: namedPolicies(policy) }),
    ...(life === undefined ? {} : { lifeMs: life }),
  };
}

/** The alphabets of both are the shell's plain letters. */
export function newApiKey(
  { key, token }: { readonly key: ApiKey; readonly token: string },
  given: ApiKeyFlags,
): string {
  if (given.env) return `export MILLRACE_API_KEY=${token}\n`;
  if (given.json) return json({ apiKey: token, ...said(key) });
  return [
    `API key     ${token}   (shown this once)`,
    `id          ${key.id}`,
    ...(key.name === '' ? [] : [`name        ${plain(key.name)}`]),
    ...(key.expiresAt === null ? [] : [`expires     ${when(key.expiresAt)}`]),
    `project     ${projectOf(key)}`,
    `account     ${key.accountId}`,
    ...(given.user === undefined ? [] : [`user        ${given.user}`]),
    ...(key.policies === null ? [] : [`policies    ${policyList(key.policies)}`]),
    '',
  ].join('\n');
}

const projectOf = ({ projectId }: ApiKey): string => (projectId === '' ? 'all' : projectId);

const said = ({ id, name, accountId, projectId, policies, enabled, createdAt, expiresAt }: ApiKey) => ({
  id,
  name,
  accountId,
  projectId: projectId === '' ? null : projectId,
  policies,
  enabled,
  created: when(createdAt),
  expires: expiresAt === null ? null : when(expiresAt),
});

export const listedApiKey = (key: ListedApiKey) => ({ ...said(key), user: key.user });

export const apiKeyTable = (keys: readonly ListedApiKey[]): string =>
  table(
    ['API KEY', 'NAME', 'ACCOUNT', 'PROJECT', 'USER', 'POLICIES', 'STATE', 'CREATED', 'EXPIRES'],
    keys.map(key => [
      key.id,
      plain(key.name),
      key.accountId,
      projectOf(key),
      key.user ?? '-',
      key.policies === null ? '-' : policyList(key.policies),
      key.enabled ? 'enabled' : 'disabled',
      when(key.createdAt),
      key.expiresAt === null ? 'never' : when(key.expiresAt),
    ]),
  );

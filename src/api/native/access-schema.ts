import Type, { type Static, type StaticDecode, type TProperties } from 'typebox';
import { anyOf, cursor, id, integer, text, time } from './params.ts';
import { oneOf, orNull, strict, textOf } from './schema.ts';

/** Who may do what, as this dialect reads and prints it. */

const moment = Type.String({ format: 'date-time' });
const HOUR_S = 3_600;
const MOST_LISTED = 1_000;
const LONGEST_LIFE_S = 366 * 24 * HOUR_S;

const name = text(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "@", "-" or "_"');
const password = textOf(8, 256);
const role = oneOf('viewer', 'operator', 'admin');
const policyName = text(/^[A-Za-z0-9_-]{1,128}$/, 'must be 1 to 128 letters, digits, "-" or "_"');
const policies = Type.Array(policyName, { maxItems: 20, uniqueItems: true });
const optional = Type.Optional;

/** What has to be given, and nothing beside what is named. */
const body = <Fields extends TProperties>(fields: Fields) => Type.Object(fields, { additionalProperties: false });

/** Given back what has been done. */
export const DONE = strict({ done: Type.Literal(true) });

export const SESSION = strict({
  user: orNull(Type.String()),
  account: orNull(Type.String()),
  role: orNull(role),
  actions: Type.Array(Type.String()),
  csrf: orNull(Type.String()),
  setup_needed: Type.Boolean(),
  /** Whether the node runs a demonstration, where `demo/fix` does something. */
  demo: Type.Boolean(),
});
export const LOGIN = body({ name: textOf(1, 64), password: textOf(1, 256), account: optional(textOf(1, 64)) });
export const SETUP = body({ token: textOf(1, 128), name, password });
export const SETUP_CHECK = body({ token: textOf(1, 128) });
export const OWN_PASSWORD = body({ password: textOf(1, 256), new_password: password });

const session = strict({
  id: Type.String(),
  user: Type.String(),
  created_at: moment,
  seen_at: moment,
  remote: Type.String(),
  agent: Type.String(),
  current: Type.Boolean(),
});
export const SESSION_LIST = strict({ sessions: Type.Array(session) });

export const USER = strict({
  name: Type.String(),
  role: orNull(role),
  policies: Type.Array(Type.String()),
  enabled: Type.Boolean(),
  created_at: moment,
});
export const USER_LIST = strict({ users: Type.Array(USER) });
export const USER_WISH = body({ name, password, role: optional(role), policies: optional(policies) });
export const USER_CHANGE = anyOf({ password, role, policies, enabled: Type.Boolean() });

const key = {
  id: Type.String(),
  kind: oneOf('api', 'access'),
  name: Type.String(),
  project_id: orNull(Type.String()),
  user: orNull(Type.String()),
  policies: orNull(Type.Array(Type.String())),
  enabled: Type.Boolean(),
  created_at: moment,
  expires_at: orNull(moment),
  last_used_at: orNull(moment),
};
export const KEY = strict(key);
export const KEY_LIST = strict({ keys: Type.Array(KEY) });
/** `token` of an API key; the others of an access key. Shown this once. */
export const NEW_KEY = strict({
  ...key,
  token: orNull(Type.String()),
  secret_key: orNull(Type.String()),
  security_token: orNull(Type.String()),
});
export const KEY_WISH = body({
  kind: oneOf('api', 'access'),
  name: optional(textOf(0, 64)),
  project_id: optional(text(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"')),
  region: optional(textOf(1, 64)),
  user: optional(name),
  role: optional(role),
  policies: optional(policies),
  expires_in_s: optional(integer(HOUR_S / 4, LONGEST_LIFE_S)),
});
export const KEY_CHANGE = body({ enabled: Type.Boolean() });

export const DOMAIN = strict({ name: Type.String(), target: Type.String() });
export const DOMAIN_LIST = strict({ domains: Type.Array(DOMAIN) });
export const DOMAIN_WISH = body({ name: textOf(1, 253), target: textOf(1, 512) });

export const PROJECT = strict({ id: Type.String(), name: Type.String() });
export const PROJECT_LIST = strict({ projects: Type.Array(PROJECT) });
export const PROJECT_WISH = body({ name: textOf(1, 64), id: optional(id) });

const document = Type.Record(Type.String(), Type.Unknown());
export const POLICY = strict({ name: Type.String(), built_in: Type.Boolean(), document });
export const POLICY_LIST = strict({ policies: Type.Array(POLICY) });
export const POLICY_WISH = body({ name: policyName, document });

const probe = orNull(Type.Record(Type.String(), Type.Unknown()));
export const ASSET = strict({ id: Type.String(), url: Type.String(), created_at: moment, probe });
export const ASSET_LIST = strict({ assets: Type.Array(ASSET) });
export const ASSET_WISH = body({
  url: textOf(1, 2_048),
  id: optional(textOf(1, 128)),
  probe: optional(Type.Boolean()),
  replace: optional(Type.Boolean()),
});

export const AUDIT_BY = anyOf({
  action: text(/^[a-z_]{1,32}(?:\.[a-z_]{0,32})?$/, 'must be an action like user.create, or user. for all of a kind'),
  target: textOf(1, 128),
  actor: textOf(1, 128),
  since: time,
  until: time,
  limit: integer(1, MOST_LISTED),
  after: cursor,
  before: cursor,
});
const entry = strict({
  id: Type.String(),
  cursor: Type.String(),
  time: moment,
  actor: strict({
    kind: oneOf('user', 'api_key', 'access_key', 'command', 'node'),
    id: Type.String(),
    name: Type.String(),
    remote: Type.String(),
  }),
  request_id: Type.String(),
  action: Type.String(),
  target: Type.String(),
  project_id: Type.String(),
  changes: Type.Record(
    Type.String(),
    Type.Object({ before: optional(Type.Unknown()), after: optional(Type.Unknown()) }),
  ),
});
export const AUDIT = strict({ entries: Type.Array(entry), next: orNull(Type.String()) });

export type PrintedSignIn = Static<typeof SESSION>;
export type PrintedUser = Static<typeof USER>;
export type PrintedKey = Static<typeof KEY>;
export type NewKey = Static<typeof NEW_KEY>;
export type PrintedEntry = Static<typeof entry>;
export type Login = StaticDecode<typeof LOGIN>;
export type SetupWish = StaticDecode<typeof SETUP>;
export type OwnPassword = StaticDecode<typeof OWN_PASSWORD>;
export type UserWish = StaticDecode<typeof USER_WISH>;
export type UserChange = StaticDecode<typeof USER_CHANGE>;
export type KeyWish = StaticDecode<typeof KEY_WISH>;
export type AssetWish = StaticDecode<typeof ASSET_WISH>;
export type AuditBy = StaticDecode<typeof AUDIT_BY>;

import * as schema from './access-schema.ts';
import { type Route, route } from './route.ts';
import { REVEAL } from './task-schema.ts';

const API = '/api/v1';

/** Who is signed in to the console, and how one gets there. */
const SESSION_ROUTES: readonly Route[] = [
  route({
    ...{ method: 'GET', path: `${API}/session`, action: 'open' },
    summary: 'Tells who is signed in, and whether the node still wants to be set up',
    answer: schema.SESSION,
    does: ({ sessions }, call) => sessions.current(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/session`, action: 'open' },
    summary: 'Signs a user in; the cookie is in the answer`s headers',
    body: schema.LOGIN,
    answer: schema.SESSION,
    does: ({ sessions }, call) => sessions.login(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/session`, action: 'open' },
    summary: 'Signs out',
    answer: schema.DONE,
    does: ({ sessions }, call) => sessions.logout(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/session/password`, action: 'known' },
    summary: 'Changes the password of whoever is signed in, and ends the other sessions',
    body: schema.OWN_PASSWORD,
    answer: schema.SESSION,
    does: ({ sessions }, call) => sessions.changePassword(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/setup/check`, action: 'open' },
    summary: 'Tells whether a setup link still holds',
    body: schema.SETUP_CHECK,
    answer: schema.DONE,
    does: ({ sessions }, call) => sessions.checkSetup(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/setup`, action: 'open' },
    summary: 'Makes the first administrator with a setup link, and signs in',
    body: schema.SETUP,
    answer: schema.SESSION,
    status: 201,
    does: ({ sessions }, call) => sessions.setUp(call),
  }),
  route({
    ...{ method: 'GET', path: `${API}/sessions`, action: 'known' },
    summary: 'Lists the sessions of the caller, or of all users',
    answer: schema.SESSION_LIST,
    does: ({ sessions }, call) => sessions.list(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/sessions/:id`, action: 'known' },
    summary: 'Ends a session',
    answer: schema.DONE,
    does: ({ sessions }, call) => sessions.end(call),
  }),
];

const USER_ROUTES: readonly Route[] = [
  route({
    ...{ method: 'GET', path: `${API}/users`, action: 'millrace:users:read' },
    summary: 'Lists the users of the account',
    answer: schema.USER_LIST,
    does: ({ access }, call) => access.users(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/users`, action: 'millrace:users:write' },
    summary: 'Adds a user',
    body: schema.USER_WISH,
    answer: schema.USER,
    status: 201,
    does: ({ access }, call) => access.addUser(call),
  }),
  route({
    ...{ method: 'PATCH', path: `${API}/users/:id`, action: 'millrace:users:write' },
    summary: 'Changes a user, which ends the sessions and tokens of that user',
    body: schema.USER_CHANGE,
    answer: schema.USER,
    does: ({ access }, call) => access.changeUser(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/users/:id`, action: 'millrace:users:write' },
    summary: 'Removes a user with the keys of that user',
    answer: schema.DONE,
    does: ({ access }, call) => access.removeUser(call),
  }),
];

const KEY_ROUTES: readonly Route[] = [
  route({
    ...{ method: 'GET', path: `${API}/keys`, action: 'millrace:keys:read' },
    summary: 'Lists API keys and access keys',
    answer: schema.KEY_LIST,
    does: ({ access }, call) => access.keys(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/keys`, action: 'millrace:keys:write' },
    summary: 'Makes a key; its secrets are shown this once',
    body: schema.KEY_WISH,
    answer: schema.NEW_KEY,
    status: 201,
    does: ({ access }, call) => access.addKey(call),
  }),
  route({
    ...{ method: 'PATCH', path: `${API}/keys/:id`, action: 'millrace:keys:write' },
    summary: 'Switches a key off or on',
    body: schema.KEY_CHANGE,
    answer: schema.KEY,
    does: ({ access }, call) => access.changeKey(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/keys/:id`, action: 'millrace:keys:write' },
    summary: 'Deletes a key',
    answer: schema.DONE,
    does: ({ access }, call) => access.removeKey(call),
  }),
];

const PLACE_ROUTES: readonly Route[] = [
  route({
    ...{ method: 'GET', path: `${API}/domains`, action: 'millrace:domains:list' },
    summary: 'Lists the ingest domains of the account',
    answer: schema.DOMAIN_LIST,
    does: ({ access }, call) => access.domains(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/domains`, action: 'millrace:domains:write' },
    summary: 'Adds an ingest domain, or leads it elsewhere',
    body: schema.DOMAIN_WISH,
    answer: schema.DOMAIN,
    status: 201,
    does: ({ access }, call) => access.addDomain(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/domains/:id`, action: 'millrace:domains:write' },
    summary: 'Removes an ingest domain',
    answer: schema.DONE,
    does: ({ access }, call) => access.removeDomain(call),
  }),
  route({
    ...{ method: 'GET', path: `${API}/projects`, action: 'millrace:projects:list' },
    summary: 'Lists the projects of the account',
    answer: schema.PROJECT_LIST,
    does: ({ access }, call) => access.projects(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/projects`, action: 'millrace:projects:write' },
    summary: 'Makes a project for a region, where there is none',
    body: schema.PROJECT_WISH,
    answer: schema.PROJECT,
    status: 201,
    does: ({ access }, call) => access.addProject(call),
  }),
];

const POLICY_ROUTES: readonly Route[] = [
  route({
    ...{ method: 'GET', path: `${API}/policies`, action: 'millrace:policies:list' },
    summary: 'Lists the policies, the built-in ones first',
    answer: schema.POLICY_LIST,
    does: ({ access }, call) => access.policies(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/policies`, action: 'millrace:policies:write' },
    summary: 'Adds a policy, or gives it another document',
    body: schema.POLICY_WISH,
    answer: schema.POLICY,
    status: 201,
    does: ({ access }, call) => access.putPolicy(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/policies/:id`, action: 'millrace:policies:write' },
    summary: 'Deletes a policy that nobody has',
    answer: schema.DONE,
    does: ({ access }, call) => access.removePolicy(call),
  }),
];

const ASSET_ROUTES: readonly Route[] = [
  route({
    ...{ method: 'GET', path: `${API}/assets`, action: 'millrace:assets:list' },
    summary: 'Lists the media assets of the account',
    query: REVEAL,
    answer: schema.ASSET_LIST,
    does: ({ assets }, call) => assets.list(call),
  }),
  route({
    ...{ method: 'POST', path: `${API}/assets`, action: 'millrace:assets:write' },
    summary: 'Adds a media asset, looked through first',
    body: schema.ASSET_WISH,
    answer: schema.ASSET,
    status: 201,
    does: ({ assets }, call) => assets.add(call),
  }),
  route({
    ...{ method: 'DELETE', path: `${API}/assets/:id`, action: 'millrace:assets:write' },
    summary: 'Removes a media asset',
    answer: schema.DONE,
    does: ({ assets }, call) => assets.remove(call),
  }),
];

/** Who may get in, who may do what, and who did it. */
export const ACCESS_ROUTES: readonly Route[] = [
  ...SESSION_ROUTES,
  ...USER_ROUTES,
  ...KEY_ROUTES,
  ...PLACE_ROUTES,
  ...POLICY_ROUTES,
  ...ASSET_ROUTES,
  route({
    ...{ method: 'GET', path: `${API}/audit`, action: 'millrace:audit:read' },
    summary: 'Lists who changed what, the newest first',
    query: schema.AUDIT_BY,
    answer: schema.AUDIT,
    does: ({ access }, call) => access.audit(call),
  }),
];

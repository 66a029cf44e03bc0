import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import * as accounts from './account-queries.ts';
import * as apiKeys from './api-key-queries.ts';
import * as assets from './asset-queries.ts';
import * as audit from './audit-queries.ts';
import type { Base } from './base.ts';
import * as callbacks from './callback-queries.ts';
import { takeCensus } from './census-queries.ts';
import * as deliveries from './delivery-queries.ts';
import * as destinations from './destination-queries.ts';
import * as events from './event-queries.ts';
import * as nodes from './node-queries.ts';
import * as nonces from './nonce-queries.ts';
import type { Seal } from './seal.ts';
import * as signIns from './sign-in-queries.ts';
import type { Store } from './store.ts';
import type { Tables } from './tables.ts';
import * as tasks from './task-queries.ts';

/** The Store over any SQL database that Kysely speaks: queries bound to the base they run on. */
export const sqlStore = (base: Base, close: () => Promise<void>): Store => ({
  noting: entry => sqlStore(audit.noting(base, entry), close),
  note: entries => audit.note(base, entries),
  audit: (filter, page) => audit.listAudit(base, filter, page),
  purgeAudit: before => audit.purgeAudit(base, before),
  create: (change, once) => tasks.createTask(base, change, once),
  change: (taskId, decide) => tasks.changeTask(base, taskId, decide),
  saveBreakpoints: progress => tasks.saveBreakpoints(base, progress),
  get: taskId => tasks.getTask(base, taskId),
  some: taskIds => tasks.someTasks(base, taskIds),
  list: (filter, page) => tasks.listTasks(base, filter, page),
  due: (now, limit) => tasks.dueTasks(base, now, limit),
  withStatus: statuses => tasks.tasksWithStatus(base, statuses),
  purge: exitedBefore => tasks.purgeTasks(base, exitedBefore),
  events: (taskId, afterSeq, limit) => events.eventsOf(base, taskId, { afterSeq, limit }),
  eventLog: (filter, page) => events.eventLog(base, filter, page),
  newEvents: (after, limit) => events.newEvents(base, after, limit),
  lastEvent: () => events.lastEvent(base),
  purgeEvents: before => events.purgeEvents(base, before),
  dueDeliveries: filter => deliveries.dueDeliveries(base, filter),
  updateDelivery: (id, fate) => deliveries.updateDelivery(base, id, fate),
  deliveries: (filter, page) => deliveries.listDeliveries(base, filter, page),
  redeliver: (filter, now) => deliveries.redeliver(base, filter, now),
  giveUpDeliveries: (filter, fate) => deliveries.giveUpDeliveries(base, filter, fate),
  purgeDeliveries: createdBefore => deliveries.purgeDeliveries(base, createdBefore),
  endpoints: accountId => callbacks.listEndpoints(base, accountId),
  putEndpoint: endpoint => callbacks.putEndpoint(base, endpoint),
  removeEndpoint: id => callbacks.removeEndpoint(base, id),
  callbackSecrets: accountId => callbacks.callbackSecrets(base, accountId),
  addCallbackSecret: (secret, othersRetireAt) => callbacks.addCallbackSecret(base, secret, othersRetireAt),

  account: id => accounts.getAccount(base, id),
  accounts: () => accounts.listAccounts(base),
  addAccount: account => accounts.addAccount(base, account),
  setAccountLive: (id, live) => accounts.setAccountLive(base, id, live),
  removeAccount: id => accounts.removeAccount(base, id),
  accessKey: accessKey => accounts.getAccessKey(base, accessKey),
  accessKeys: () => accounts.listAccessKeys(base),
  addAccessKey: key => accounts.addAccessKey(base, key),
  setAccessKeyEnabled: (accessKey, enabled) => accounts.setAccessKeyEnabled(base, accessKey, enabled),
  removeAccessKey: accessKey => accounts.removeAccessKey(base, accessKey),
  purgeAccessKeys: expiredBefore => accounts.purgeAccessKeys(base, expiredBefore),
  apiKey: hash => apiKeys.getApiKey(base, hash),
  apiKeys: () => apiKeys.listApiKeys(base),
  addApiKey: key => apiKeys.addApiKey(base, key),
  setApiKeyEnabled: (id, enabled) => apiKeys.setApiKeyEnabled(base, id, enabled),
  removeApiKey: id => apiKeys.removeApiKey(base, id),
  purgeApiKeys: expiredBefore => apiKeys.purgeApiKeys(base, expiredBefore),
  lastUses: () => apiKeys.lastUses(base),
  setLastUse: (keyId, at) => apiKeys.setLastUse(base, keyId, at),
  signIn: hash => signIns.getSignIn(base, hash),
  signIns: accountId => signIns.listSignIns(base, accountId),
  addSignIn: signIn => signIns.addSignIn(base, signIn),
  setSignInSeen: (hash, at) => signIns.setSignInSeen(base, hash, at),
  removeSignIn: id => signIns.removeSignIn(base, id),
  purgeSignIns: before => signIns.purgeSignIns(base, before),
  setupLink: hash => signIns.getSetupLink(base, hash),
  putSetupLink: (link, now) => signIns.putSetupLink(base, link, now),
  useSetupLink: (hash, now, user) => signIns.useSetupLink(base, { hash, now, user }),
  user: (accountId, name) => accounts.getUser(base, accountId, name),
  users: () => accounts.listUsers(base),
  userById: id => accounts.getUserById(base, id),
  addUser: user => accounts.addUser(base, user),
  changeUser: (id, change, guard) => accounts.changeUser(base, id, { change, guard }),
  removeUser: (accountId, name, guard) => accounts.removeUser(base, { accountId, name }, guard),
  policy: (accountId, name) => accounts.getPolicy(base, accountId, name),
  policies: () => accounts.listPolicies(base),
  putPolicy: policy => accounts.putPolicy(base, policy),
  removePolicy: (accountId, name) => accounts.removePolicy(base, accountId, name),
  project: id => accounts.getProject(base, id),
  projects: accountId => accounts.listProjects(base, accountId),
  putProject: project => accounts.putProject(base, project),
  token: hash => accounts.getToken(base, hash),
  putToken: token => accounts.putToken(base, token),
  removeTokens: userId => accounts.removeTokens(base, userId),
  purgeTokens: expiredBefore => accounts.purgeTokens(base, expiredBefore),
  domain: name => accounts.getDomain(base, name),
  domains: () => accounts.listDomains(base),
  putDomain: domain => accounts.putDomain(base, domain),
  hasDomain: accountId => accounts.hasDomain(base, accountId),
  removeDomain: name => accounts.removeDomain(base, name),
  asset: (accountId, id) => assets.getAsset(base, accountId, id),
  assets: accountId => assets.listAssets(base, accountId),
  addAsset: asset => assets.addAsset(base, asset),
  putAsset: asset => assets.putAsset(base, asset),
  removeAsset: (accountId, id) => assets.removeAsset(base, accountId, id),
  assetsRevision: () => assets.assetsRevision(base),

  holdings: () => tasks.listHoldings(base),
  release: (taskId, node, epoch) => tasks.releaseTask(base, taskId, node, epoch),
  renewNode: renewal => nodes.renewNode(base, renewal),
  nodes: () => nodes.listNodes(base),
  setNodeState: (name, state) => nodes.setNodeState(base, name, state),
  removeNode: (name, incarnation) => nodes.removeNode(base, name, incarnation),
  takeDuty: duty => nodes.takeDuty(base, duty),
  leaveDuty: (name, incarnation) => nodes.leaveDuty(base, name, incarnation),
  takeDestination: (address, taskId) => destinations.takeDestination(base, address, taskId),
  leaveDestination: taskId => destinations.leaveDestination(base, taskId),
  useNonce: nonce => nonces.useNonce(base, nonce),
  purgeNonces: agoMs => nonces.purgeNonces(base, agoMs),
  installation: () => installationOf(base),
  mark: (purpose, text) => base.seal.mark(purpose, text),

  census: () => takeCensus(base),
  checkWritable: () => base.atOnce(countWritable),
  close,
});

/** Counting is the smallest write there is, and it goes the whole way to the disk. */
async function countWritable(trx: Kysely<Tables>): Promise<void> {
  await trx
    .insertInto('meta')
    .values({ name: 'writable', count: 1, sealed: null })
    .onConflict(conflict => conflict.column('name').doUpdateSet(eb => ({ count: eb('meta.count', '+', 1) })))
    .execute();
}

/** Made by whoever asks first; of two that ask together, the other takes what stands. */
const installationOf = ({ write, seal }: Base): Promise<string> =>
  write(async trx => {
    const sealed = seal.close(INSTALLATION_PLACE, randomBytes(8).toString('hex'));
    await trx
      .insertInto('meta')
      .values({ name: 'installation', count: 0, sealed })
      .onConflict(conflict => conflict.column('name').doNothing())
      .execute();
    const stands = await trx
      .selectFrom('meta')
      .select('sealed')
      .where('name', '=', 'installation')
      .executeTakeFirstOrThrow();
    return seal.open(INSTALLATION_PLACE, stands.sealed ?? new Uint8Array());
  });

const INSTALLATION_PLACE = 'meta/installation';
const SEAL_WORD = 'sealed';
export const SEAL_PLACE = 'meta/seal';

/** False of a database that nobody has kept anything in. */
export async function isSealed(trx: Kysely<Tables>): Promise<boolean> {
  const row = await trx.selectFrom('meta').select('name').where('name', '=', 'seal').executeTakeFirst();
  return row !== undefined;
}

/** Refuses a key that is not the one the database was made with, before anything is read or written with it. */
export async function checkSeal(trx: Kysely<Tables>, seal: Seal): Promise<void> {
  const stands = await trx.selectFrom('meta').select('sealed').where('name', '=', 'seal').executeTakeFirst();
  if (stands === undefined || stands.sealed === null) {
    const sealed = seal.close(SEAL_PLACE, SEAL_WORD);
    await trx.insertInto('meta').values({ name: 'seal', count: 0, sealed }).execute();
    return;
  }
  try {
    seal.open(SEAL_PLACE, stands.sealed);
  } catch (cause) {
    throw new Error('the key file does not belong to this database: it was made with another key', { cause });
  }
}

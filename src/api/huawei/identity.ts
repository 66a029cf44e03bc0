import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts, PublicUser } from '../../control/accounts.ts';
import { TooManyPasswords } from '../../control/password.ts';
import type { Project, Token } from '../../task/account.ts';
import { Lockout } from '../auth.ts';
import { BadJson, isObject, type Json, type JsonObject, readJson } from '../json.ts';
import type { Log } from '../log.ts';
import type { Peers } from '../peers.ts';
import type { Gate } from './auth.ts';
import { asAnswer, printError } from './error.ts';

export interface IdentityOptions {
  readonly accounts: Accounts;
  readonly gate: Gate;
  /** Wall clock. */
  readonly now: () => number;
  /** Where failures count as well. */
  readonly peers?: Peers | undefined;
  readonly log: Log;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
};

/** A refusal in the identity service's own shape. */
class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** As much of Keystone as the service's clients log in with: a token for a password, and the account's projects. */
export function identityRoutes(app: FastifyInstance, options: IdentityOptions): void {
  const desk = new LoginDesk(options);
  app.register(async scope => {
    scope.setErrorHandler((error, request, reply) => sendError(error, request, reply, options.log));
    scope.post('/v3/auth/tokens', (request, reply) => desk.login(request, reply));
    scope.get('/v3/projects', request => listProjects(request, options));
  });
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { status: code, message } = error instanceof IdentityError ? error : gatewayAnswer(error, request.id, log);
  reply.code(code).send({ error: { code, message, title: TITLES[code] ?? 'Error' } });
}

function gatewayAnswer(error: unknown, requestId: string, log: Log): { status: number; message: string } {
  const { status, body } = printError(asAnswer(error, requestId, log), requestId);
  return { status, message: body.error_msg };
}

const FAILED_LOGINS = 5;
const LOGIN_LOCK_MS = 60_000;

interface Login {
  readonly accountId: string;
  readonly name: string;
  readonly password: string;
  readonly scope: Scope;
}

type Scope =
  | { readonly kind: 'account' }
  | { readonly kind: 'project'; readonly by: 'id' | 'name'; readonly value: string };

class LoginDesk {
  readonly #options: IdentityOptions;
  readonly #lockout: Lockout;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#lockout = new Lockout({
      ...{ limit: FAILED_LOGINS, lockMs: LOGIN_LOCK_MS },
      ...{ now: options.now, peers: options.peers, topic: 'failures-identity' },
    });
  }

  async login(request: FastifyRequest, reply: FastifyReply): Promise<object> {
    const login = readLogin(request.wire.body);
    const user = await this.#verify(login, request.wire.remote);
    const project = await this.#scopeOf(user, login.scope);
    const token = await this.#options.accounts.issueToken(user, project?.id ?? '');
    reply.code(201).header('x-subject-token', token.token);
    return { token: printToken(token, user, project) };
  }

  async #verify({ accountId, name, password }: Login, remote: string): Promise<PublicUser> {
    const row = JSON.stringify([accountId, name, remote]);
    if (this.#lockout.isLocked(row)) throw new IdentityError(429, 'Too many failed logins, try again in a minute.');
    const user = await this.#check(accountId, name, password);
    if (user === undefined) {
      this.#lockout.failed(row);
      throw new IdentityError(401, 'The username or password is wrong.');
    }
    this.#lockout.succeeded(row);
    return user;
  }

  async #check(accountId: string, name: string, password: string): Promise<PublicUser | undefined> {
    try {
      return await this.#options.accounts.verifyPassword(accountId, name, password);
    } catch (error) {
      if (error instanceof TooManyPasswords) throw new IdentityError(429, 'Too many logins at once, try again.');
      throw error;
    }
  }

  async #scopeOf(user: PublicUser, scope: Scope): Promise<Project | undefined> {
    if (scope.kind === 'account') return undefined;
    const projects = await this.#options.accounts.projects(user.accountId);
    const project = projects.find(candidate => candidate[scope.by] === scope.value);
    if (project === undefined) throw new IdentityError(404, 'The project does not exist.');
    return project;
  }
}

function readLogin(body: Uint8Array): Login {
  const auth = child(readBody(body), 'auth');
  const identity = child(auth, 'identity');
  const { methods } = identity;
  if (!Array.isArray(methods) || methods.length !== 1 || methods[0] !== 'password') throw invalidBody();
  const user = child(child(identity, 'password'), 'user');
  return {
    accountId: nameOrId(child(user, 'domain')),
    name: text(user, 'name'),
    password: text(user, 'password'),
    scope: readScope(auth),
  };
}

/** A project wins over a domain where both stand; none at all means the account as a whole. */
function readScope(auth: JsonObject): Scope {
  if ((auth.scope ?? null) === null) return { kind: 'account' };
  const scope = child(auth, 'scope');
  if ((scope.project ?? null) === null) return { kind: 'account' };
  const project = child(scope, 'project');
  const by = project.id === undefined ? 'name' : 'id';
  return { kind: 'project', by, value: text(project, by) };
}

const invalidBody = (): IdentityError => new IdentityError(400, 'The request body is invalid');

function readBody(body: Uint8Array): Json {
  try {
    return readJson(body);
  } catch (error) {
    if (error instanceof BadJson) throw invalidBody();
    throw error;
  }
}

function child(parent: Json, name: string): JsonObject {
  const value = isObject(parent) ? parent[name] : undefined;
  if (!isObject(value)) throw invalidBody();
  return value;
}

function text(parent: JsonObject, name: string): string {
  const value = parent[name];
  if (typeof value !== 'string' || value === '' || value.length > 256) throw invalidBody();
  return value;
}

/** Account names are their own ids. */
const nameOrId = (domain: JsonObject): string => text(domain, domain.name === undefined ? 'id' : 'name');

function printToken(token: Token, user: PublicUser, project: Project | undefined): object {
  const domain = { id: user.accountId, name: user.accountId };
  return {
    expires_at: printMicros(token.expiresAt),
    issued_at: printMicros(token.issuedAt),
    methods: ['password'],
    ...(project === undefined ? { domain } : { project: { id: project.id, name: project.name, domain } }),
    roles: [{ id: '0', name: 'te_admin' }],
    user: { id: user.id, name: user.name, password_expires_at: '', domain },
    catalog: [],
  };
}

const printMicros = (at: number): string => new Date(at).toISOString().replace('Z', '000Z');

/** The SDKs ask for a region's project by its name, signed by the very key that acts for it. */
async function listProjects(request: FastifyRequest, { accounts, gate }: IdentityOptions): Promise<object> {
  const caller = await gate.identify(request.wire);
  const name = request.wire.target.query.find(([key]) => key === 'name')?.[1];
  const projects = await accounts.projects(caller.accountId, name);
  const links = { self: '/v3/projects', previous: null, next: null };
  return { links, projects: projects.map(printProject) };
}

const printProject = ({ id, name, accountId }: Project): object => ({
  id,
  name,
  domain_id: accountId,
  parent_id: accountId,
  is_domain: false,
  enabled: true,
  description: '',
  links: { self: `/v3/projects/${id}` },
});

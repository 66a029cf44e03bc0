import { signal } from '@preact/signals';
import { asProblem, call, type Problem, setCsrf } from './api.ts';
import type { Visitor } from './model.ts';

/** Who looks: undefined until the node has said it, or as long as it cannot. */
export const visitor = signal<Visitor | undefined>(undefined);
export const visitorProblem = signal<Problem | undefined>(undefined);

export async function meetVisitor(): Promise<void> {
  try {
    accept(await call<Visitor>('GET', '/session'));
  } catch (error) {
    visitorProblem.value = asProblem(error);
  }
}

export async function logIn(name: string, password: string): Promise<void> {
  await call('POST', '/session', { body: { name, password } });
  await meetVisitor();
}

export async function setUp(token: string, name: string, password: string): Promise<void> {
  await call('POST', '/setup', { body: { token, name, password } });
  await meetVisitor();
  if (visitor.value?.user == null) await logIn(name, password);
}

export async function logOut(): Promise<void> {
  await call('DELETE', '/session').catch(() => undefined);
  location.hash = '';
  location.reload();
}

function accept(told: Visitor): void {
  setCsrf(told.csrf ?? '');
  visitorProblem.value = undefined;
  visitor.value = told;
}

export function visitorName({ user }: Visitor): string {
  return typeof user === 'string' ? user : (user?.name ?? '');
}

/** What the visitor may not do is not offered; the node refuses it in any case. */
export function may(action: string): boolean {
  const actions = visitor.value?.actions;
  return actions === undefined || actions.some(pattern => covers(pattern, action));
}

function covers(pattern: string, action: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === action;
  return action.startsWith(head) && action.endsWith(rest.at(-1) ?? '');
}

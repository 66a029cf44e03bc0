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
}

export async function logOut(): Promise<void> {
  await call('DELETE', '/session').catch(() => undefined);
  sessionStorage.clear();
  // Without a step that would draw the first view once more.
  history.replaceState(null, '', '/');
  location.reload();
}

function accept(told: Visitor): void {
  setCsrf(told.csrf ?? '');
  visitorProblem.value = undefined;
  visitor.value = told;
}

/** What the visitor may not do is not offered; the node refuses it in any case. */
export const may = (action: string): boolean => visitor.value?.actions.includes(action) ?? false;

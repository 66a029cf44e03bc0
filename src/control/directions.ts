import type { Store } from '../store/store.ts';
import { destinationUrl } from '../task/spec.ts';
import type { Task } from '../task/task.ts';

/** The domains table no longer knows the name that the task pushes to. */
export class MissingDomain extends Error {
  override readonly name = 'MissingDomain';
}

/** Where a task pushes to, as the domains table has it now. */
export async function destinationOf(task: Task, store: Pick<Store, 'domain'>): Promise<string> {
  return destinationUrl(task.spec.destination, await targetOf(task, store));
}

async function targetOf(
  { accountId, spec: { destination } }: Task,
  store: Pick<Store, 'domain'>,
): Promise<string | undefined> {
  if (destination.kind === 'url') return undefined;
  const domain = await store.domain(destination.domain);
  if (domain?.accountId !== accountId)
    throw new MissingDomain(`the ingest domain ${destination.domain} is not in the domains table`);
  return domain.target;
}

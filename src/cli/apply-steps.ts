import type { Asset, Domain, Policy } from '../client/node-words.ts';
import type { Task, TaskChange } from '../client/task-words.ts';
import { isObject } from './wish-file.ts';
import type { SomeWishes, WrittenAsset } from './wishes.ts';
import { differenceOf, isOver, isSame, type WrittenTask } from './written-task.ts';

/** What an account has. */
export interface Standing {
  readonly projects: readonly { readonly id: string; readonly name: string }[];
  readonly domains: readonly Domain[];
  readonly policies: readonly Policy[];
  readonly assets: readonly Asset[];
  readonly tasks: readonly Task[];
}

/** One thing to be done, or why it cannot be. */
export type Step =
  | { readonly kind: 'create'; readonly what: string; readonly wish: Wish }
  | { readonly kind: 'change'; readonly what: string; readonly fields: readonly string[]; readonly wish: Wish }
  | { readonly kind: 'delete'; readonly what: string; readonly wish: Removal }
  | { readonly kind: 'refuse'; readonly what: string; readonly why: string }
  | { readonly kind: 'pass'; readonly what: string; readonly why: string };

export type Wish =
  | { readonly of: 'project'; readonly name: string }
  | { readonly of: 'domain'; readonly domain: Domain }
  | { readonly of: 'policy'; readonly policy: Pick<Policy, 'name' | 'document'> }
  | { readonly of: 'asset'; readonly asset: WrittenAsset }
  | { readonly of: 'task'; readonly task: WrittenTask }
  | { readonly of: 'change'; readonly id: string; readonly version: number; readonly change: TaskChange };

export interface Removal {
  readonly of: 'domains' | 'policies' | 'assets' | 'tasks';
  readonly id: string;
}

export interface StepsOptions {
  /** Whether to delete what stands and is not in the file, of the kinds that the file speaks of. */
  readonly prune: boolean;
  /** Wall clock. */
  readonly now: number;
}

/** What makes the account what the file says, in an order in which it can be done. */
export function stepsTo(wishes: SomeWishes, standing: Standing, { prune, now }: StepsOptions): readonly Step[] {
  const places = placesOf(wishes, standing);
  const tasks = (wishes.tasks ?? []).map(task => taskStep(task, standing.tasks, now));
  return [...places, ...tasks, ...(prune ? removals(wishes, standing) : [])];
}

/** What tasks name is there before them. */
const placesOf = (wishes: SomeWishes, standing: Standing): readonly Step[] => [
  ...(wishes.projects ?? [])
    .filter(name => !standing.projects.some(one => one.name === name))
    .map((name): Step => ({ kind: 'create', what: `project ${name}`, wish: { of: 'project', name } })),
  ...(wishes.domains ?? []).flatMap(domain => domainStep(domain, standing.domains)),
  ...(wishes.policies ?? []).flatMap(policy => policyStep(policy, standing.policies)),
  ...(wishes.assets ?? []).flatMap(asset => assetStep(asset, standing.assets)),
];

function domainStep(wanted: Domain, standing: readonly Domain[]): readonly Step[] {
  const domain = { name: wanted.name.toLowerCase(), target: wanted.target.replace(/\/$/, '') };
  const stands = standing.find(({ name }) => name === domain.name);
  const wish: Wish = { of: 'domain', domain };
  return placed({
    what: `domain ${domain.name}`,
    stands: stands?.target,
    wanted: domain.target,
    field: 'target',
    wish,
  });
}

function policyStep(policy: Pick<Policy, 'name' | 'document'>, standing: readonly Policy[]): readonly Step[] {
  const stands = standing.find(({ name }) => name === policy.name)?.document;
  const wish: Wish = { of: 'policy', policy };
  return placed({ what: `policy ${policy.name}`, stands, wanted: settled(policy.document), field: 'document', wish });
}

/** As a node prints what it has read: one action may be written without a list, and what concerns all resources left out. */
function settled({ Version, Statement, ...strangers }: Policy['document']): unknown {
  if (!Array.isArray(Statement)) return { Version, Statement, ...strangers };
  const statements = Statement.map((one: unknown) => {
    if (!isObject(one)) return one;
    const { Action: action } = one;
    return { ...one, Action: Array.isArray(action) ? action : [action], Resource: '*' };
  });
  return { Version, Statement: statements, ...strangers };
}

function assetStep(asset: WrittenAsset, standing: readonly Asset[]): readonly Step[] {
  const stands = standing.find(({ id }) => id === asset.id)?.url;
  return placed({ what: `asset ${asset.id}`, stands, wanted: asset.url, field: 'url', wish: { of: 'asset', asset } });
}

interface Placed {
  readonly what: string;
  /** Undefined where there is no such thing. */
  readonly stands: unknown;
  readonly wanted: unknown;
  readonly field: string;
  readonly wish: Wish;
}

function placed({ what, stands, wanted, field, wish }: Placed): readonly Step[] {
  if (stands === undefined) return [{ kind: 'create', what, wish }];
  return isSame(stands, wanted) ? [] : [{ kind: 'change', what, fields: [field], wish }];
}

function taskStep(task: WrittenTask, standing: readonly Task[], now: number): Step {
  const what = `task ${task.id ?? ''}${task.id !== undefined && task.name ? ' ' : ''}${task.name ?? ''}`;
  const found = matches(task, standing);
  if (found.length > 1)
    return { kind: 'refuse', what, why: `${found.length} tasks have that name: say which by its id` };
  const [stands] = found;
  if (stands === undefined) {
    return isOver(task, now)
      ? { kind: 'pass', what, why: 'is over' }
      : { kind: 'create', what, wish: { of: 'task', task } };
  }
  const { change, fixed } = differenceOf(stands, task);
  const fields = Object.keys(change);
  if (fields.length === 0 && fixed.length === 0) return { kind: 'pass', what, why: '' };
  if (stands.status.word === 'exited') return { kind: 'refuse', what, why: 'has exited: give it another id' };
  if (stands.dialect !== 'native') return { kind: 'refuse', what, why: `was made over the dialect ${stands.dialect}` };
  if (fixed.length > 0) return { kind: 'refuse', what, why: `${fixed.join(', ')} cannot change: give it another id` };
  return { kind: 'change', what, fields, wish: { of: 'change', id: stands.id, version: stands.version, change } };
}

/** By its id; where the file gives none, by its name among the tasks that may still be meant. */
const matches = ({ id, name }: WrittenTask, standing: readonly Task[]): readonly Task[] =>
  id !== undefined
    ? standing.filter(task => task.id === id)
    : standing.filter(task => task.name === name && isOurs(task));

const isOurs = ({ dialect, status }: Task): boolean => dialect === 'native' && status.word !== 'exited';

/** Tasks first, so that nothing is named any more that goes. */
function removals(wishes: SomeWishes, standing: Standing): readonly Step[] {
  const { tasks, assets, policies, domains } = wishes;
  const kept = new Set(tasks?.flatMap(task => matches(task, standing.tasks).map(({ id }) => id)));
  const own = standing.policies.filter(({ built_in: isBuiltIn }) => !isBuiltIn);
  const names = (things: readonly { readonly name: string }[]) => things.map(({ name }) => name);
  const domainNames = domains?.map(({ name }) => name.toLowerCase());
  return [
    ...(tasks === undefined ? [] : standing.tasks)
      .filter(task => isOurs(task) && !kept.has(task.id))
      .map(({ id, name }): Step => removal('tasks', id, `task ${id}${name === '' ? '' : ` ${name}`}`)),
    ...gone(
      standing.assets.map(({ id }) => id),
      assets?.map(({ id }) => id),
    ).map(id => removal('assets', id, `asset ${id}`)),
    ...gone(names(own), policies && names(policies)).map(name => removal('policies', name, `policy ${name}`)),
    ...gone(names(standing.domains), domainNames).map(name => removal('domains', name, `domain ${name}`)),
  ];
}

const gone = (standing: readonly string[], wanted: readonly string[] | undefined): readonly string[] =>
  wanted === undefined ? [] : standing.filter(name => !wanted.includes(name));

const removal = (of: Removal['of'], id: string, what: string): Step => ({ kind: 'delete', what, wish: { of, id } });

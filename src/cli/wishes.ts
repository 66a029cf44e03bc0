import { stringify } from 'yaml';
import type { Domain, Policy } from '../client/node-words.ts';
import { Misused } from './exit.ts';
import { isObject, objectIn, type Written } from './wish-file.ts';
import { TASK_FIELDS, type WrittenTask } from './written-task.ts';

/** What of an account is written into a file: all that is wished, and nothing of how it fares. */
export interface Wishes {
  /** By their names; where the account has one at most, it is not written. */
  readonly projects: readonly string[];
  readonly domains: readonly Domain[];
  readonly policies: readonly Pick<Policy, 'name' | 'document'>[];
  readonly assets: readonly WrittenAsset[];
  readonly tasks: readonly WrittenTask[];
}

export interface WrittenAsset {
  readonly id: string;
  readonly url: string;
}

/** A file may say nothing of a kind of things, which is another thing than saying that there are none. */
export type SomeWishes = Partial<Wishes>;

const VERSION = 1;

const OPEN = '# Written by "millrace export". It holds stream keys: keep it as you keep passwords.\n';
const MASKED = '# Written by "millrace export" without --reveal: addresses are masked, and it cannot be applied.\n';

/** The same text for the same wishes, whatever installation they come from. */
export function printWishes({ projects, domains, policies, assets, tasks }: Wishes, isOpen: boolean): string {
  const document = {
    millrace: VERSION,
    ...(projects.length < 2 ? {} : { projects: sorted(projects, name => name) }),
    domains: sorted(domains, ({ name }) => name).map(({ name, target }) => ({ name, target })),
    policies: sorted(policies, ({ name }) => name).map(({ name, document: text }) => ({ name, document: text })),
    assets: sorted(assets, ({ id }) => id).map(({ id, url }) => ({ id, url })),
    tasks: sorted(tasks, ({ id = '' }) => id),
  };
  // Lines are not folded: an address that is cut is hard to find again.
  return `${isOpen ? OPEN : MASKED}${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** By the codes of their characters: what a machine's language says of the order does not count. */
const sorted = <Thing>(things: readonly Thing[], key: (thing: Thing) => string): readonly Thing[] =>
  [...things].sort((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0));

const SECTIONS = {
  domains: ['name', 'target'],
  policies: ['name', 'document'],
  assets: ['id', 'url'],
} as const;
const KNOWN = ['millrace', 'projects', ...Object.keys(SECTIONS), 'tasks'];

/** Everything that is wrong with the file itself, at once; what its fields may hold is judged by the node. */
export function readWishes(given: Written): SomeWishes {
  const document = objectIn(given);
  const problems = [
    ...(document.millrace === VERSION ? [] : [`must begin with "millrace: ${VERSION}"`]),
    ...strangers(document, KNOWN, ''),
    ...Object.entries(SECTIONS).flatMap(([name, fields]) => sectionProblems(document[name], name, fields, fields)),
    ...sectionProblems(document.tasks, 'tasks', TASK_FIELDS, ['source', 'destination']),
    ...taskProblems(document.tasks),
    ...projectProblems(document.projects),
    ...maskedIn(document, ''),
  ];
  if (problems.length > 0) throw new Misused(problems.map(problem => `${given.name}: ${problem}`).join('\n'));
  const { millrace: _, ...wishes } = document;
  return wishes as SomeWishes;
}

function sectionProblems(
  section: unknown,
  name: string,
  fields: readonly string[],
  needed: readonly string[],
): readonly string[] {
  if (section === undefined) return [];
  if (!Array.isArray(section)) return [`${name} must be a list`];
  return section.flatMap((one: unknown, at) => {
    const place = `${name}[${at}]`;
    if (!isObject(one)) return [`${place} must have fields with names`];
    const missing = needed.filter(field => !isThere(one[field]));
    return [...missing.map(field => `${place}.${field} must be given`), ...strangers(one, fields, `${place}.`)];
  });
}

const isThere = (value: unknown): boolean => isObject(value) || (typeof value === 'string' && value !== '');

const strangers = (given: object, known: readonly string[], place: string): readonly string[] =>
  Object.keys(given)
    .filter(name => !known.includes(name))
    .map(name => `${place}${name.slice(0, 64)} is not known here`);

/** Each is to be known again: by its id, or by a name that no other one has. */
function taskProblems(tasks: unknown): readonly string[] {
  if (!Array.isArray(tasks)) return [];
  const seen = new Set<string>();
  return tasks.filter(isObject).flatMap((task, at) => {
    const { id, name } = task;
    const key = isText(id) ? `the id ${id}` : isText(name) ? `the name ${name}` : undefined;
    if (key === undefined) return [`tasks[${at}] must have an id or a name`];
    if (seen.has(key)) return [`tasks[${at}] has ${key} of another one`];
    seen.add(key);
    return [];
  });
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

const projectProblems = (projects: unknown): readonly string[] =>
  projects === undefined || (Array.isArray(projects) && projects.every(isText))
    ? []
    : ['projects must be a list of names'];

/** What was written without `--reveal` would put stars in the place of stream keys. */
function maskedIn(value: unknown, place: string): readonly string[] {
  if (typeof value === 'string') {
    return value.includes('***') && /(?:url|args|stream|standby\[\d+\]|slate)$/.test(place)
      ? [`${place} is masked: export it with --reveal`]
      : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    maskedIn(inner, Array.isArray(value) ? `${place}[${name}]` : place === '' ? name : `${place}.${name}`),
  );
}

/** Who changes something, by a name that opens no door. */
export interface Actor {
  /** `command`: of this machine, on the data directory. `node`: by itself. */
  readonly kind: 'user' | 'apiKey' | 'accessKey' | 'command' | 'node';
  /** Of the user or the key; "" where there is none. */
  readonly id: string;
  /** What people know it by. */
  readonly name: string;
  /** The address it came from; "" where there was no connection. */
  readonly remote: string;
  /** "" where there was no request. */
  readonly requestId: string;
}

/** Whoever does something without being asked. */
export const NODE: Actor = { kind: 'node', id: '', name: '', remote: '', requestId: '' };

/** What a field held; undefined where there was none. Secrets are masked before they come here. */
export interface FieldChange {
  readonly before?: unknown;
  readonly after?: unknown;
}

export type FieldChanges = Readonly<Record<string, FieldChange>>;

/** One change that somebody made, as it is kept for whoever asks later. */
export interface AuditEntry {
  readonly id: string;
  readonly accountId: string;
  /** "" for what belongs to the account as a whole. */
  readonly projectId: string;
  readonly at: number;
  readonly actor: Actor;
  /** What was done to which kind of thing: `user.create`, `task.change`. */
  readonly action: string;
  /** The id or the name of that thing. */
  readonly target: string;
  readonly changes: FieldChanges;
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields that differ. Of a thing that was made or removed one side is empty. */
export function fieldChanges(before: Fields, after: Fields): FieldChanges {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const differing = names.filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return Object.fromEntries(
    differing.map(name => [name, { ...sideOf('before', before, name), ...sideOf('after', after, name) }]),
  );
}

const sideOf = (side: keyof FieldChange, fields: Fields, name: string): FieldChange =>
  fields[name] === undefined ? {} : { [side]: fields[name] };

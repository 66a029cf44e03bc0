import type { Static } from 'typebox';
import type { PLAN } from '../api/native/plan-schema.ts';
import type { JUMP, ON_AIR, STATUS, TASK, TASK_CHANGE, TASK_LIST, TASK_WISH } from '../api/native/task-schema.ts';
import type { Frozen } from './words.ts';

/** A task as a node takes and prints it: the schemas that check it there say here what it is. */

/** What its owner wants; what is left out is as the node has it. */
export type TaskWish = Frozen<Static<typeof TASK_WISH>>;
/** The destination, the project and the id are chosen when a task is made. */
export type TaskChange = Frozen<Static<typeof TASK_CHANGE>>;
export type Task = Frozen<Static<typeof TASK>>;
export type TaskPage = Frozen<Static<typeof TASK_LIST>>;
export type TaskStatus = Frozen<Static<typeof STATUS>>;
export type OnAir = Frozen<Static<typeof ON_AIR>>;
export type JumpWish = Frozen<Static<typeof JUMP>>;
export type Plan = Frozen<Static<typeof PLAN>>;

type Source = TaskWish['source'];
export type LiveSource = Extract<Source, { kind: 'live' }>;
export type ListSource = Extract<Source, { kind: 'list' }>;
export type ListItem = ListSource['items'][number];
export type Destination = TaskWish['destination'];
export type Tls = NonNullable<LiveSource['tls']>;

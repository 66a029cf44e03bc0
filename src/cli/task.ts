import type { Command } from 'commander';
import type { World } from './program.ts';
import { addTaskCreate } from './task-create.ts';
import { addTaskEdit } from './task-edit.ts';
import { addTaskEvents } from './task-events.ts';
import { addTaskOperations } from './task-operate.ts';
import { addTaskViews } from './task-view.ts';
import { addTaskWatch } from './task-watch.ts';

export function addTaskCommands(program: Command, world: World): void {
  const task = program.command('task').description('tasks: what is pulled, where it is pushed, and how it fares');
  addTaskCreate(task, world);
  addTaskViews(task, world);
  addTaskEdit(task, world);
  addTaskOperations(task, world);
  addTaskWatch(task, world);
  addTaskEvents(task, world);
}

import type { Status } from './status.ts';

/** What is wrong with one field of a spec. */
export interface Problem {
  /** The model's own word for it, dotted where it lies deeper, e.g. `source.startIndex`. */
  readonly field: string;
  /** The rule it breaks, as a sentence without the field's value. */
  readonly rule: string;
}

/** The caller's mistake: a spec that breaks rules, all of them told at once. */
export class InvalidTask extends Error {
  override readonly name = 'InvalidTask';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ field, rule }) => `${field}: ${rule}`).join('; '));
    this.problems = problems;
  }
}

/** The caller's mistake: no such task, or none that the caller may see. */
export class UnknownTask extends Error {
  override readonly name = 'UnknownTask';
  readonly taskId: string;

  constructor(taskId: string) {
    super('there is no such task');
    this.taskId = taskId;
  }
}

/** The caller's mistake: a key that is to make a task once has made another one. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused';

  constructor() {
    super('the key has made a task of another wish');
  }
}

/** The caller's mistake: an id of its own choice that a task has, or had until lately. */
export class IdTaken extends Error {
  override readonly name = 'IdTaken';

  constructor() {
    super('the id is taken');
  }
}

/** The caller's mistake, where an installation has each destination pushed to by one task: another one has it. */
export class DestinationInUse extends Error {
  override readonly name = 'DestinationInUse';

  constructor() {
    super('another task that has not ended has that destination');
  }
}

/** The caller's mistake: the task is not of the kind that what was asked is for. */
export class NotSuch extends Error {
  override readonly name = 'NotSuch';

  /** `why` goes on from "the task …". */
  constructor(why: string) {
    super(`the task ${why}`);
  }
}

/** The caller's mistake: the task's status does not allow what was asked. */
export class WrongStatus extends Error {
  override readonly name = 'WrongStatus';
  readonly status: Status;
  /** What was asked, as a verb and its object: "enable it after its end". */
  readonly asked: string;

  constructor(status: Status, asked: string) {
    super(`the task is ${status}: cannot ${asked}`);
    this.status = status;
    this.asked = asked;
  }
}

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { asProblem, call, type Problem } from '../api.ts';
import { useAnswer } from '../asked.ts';
import { cloudCreates } from '../cloud-creates.ts';
import { collisionsOf } from '../collisions.ts';
import type { Change } from '../copies.ts';
import { bodyOf, changeBodyOf, type Draft, draftOf, dropDraft, EMPTY_DRAFT, keepDraft, keptDraft } from '../draft.ts';
import type { Task } from '../model.ts';
import { nameOf } from '../parts/addresses.tsx';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { placeOf, revealDestinations } from '../revealed.ts';
import { go, href } from '../router.ts';
import { keepTask, tasks } from '../tasks.ts';
import { visitor } from '../visitor.ts';
import { t } from '../words.ts';
import { More } from './edit-more.tsx';
import { Plan } from './edit-plan.tsx';
import { SourceStep } from './edit-source.tsx';
import { DestinationStep, WhenStep } from './edit-steps.tsx';
import { summaryOf } from './edit-summary.ts';

/** What every part of the form is given. */
export interface FormPart {
  readonly draft: Draft;
  readonly set: (change: Partial<Draft>) => void;
  /** What the node finds wrong with a field of the body. */
  readonly errorsAt: (field: string) => readonly string[];
  /** A destination stands for as long as its task does. */
  readonly isNew: boolean;
}

/** Of whoever types: the next one at this browser is not shown it. */
const draftKey = (): string => `new.${visitor.peek()?.user ?? ''}`;

export function NewTask() {
  return (
    <section>
      <h1>{t('task.new')}</h1>
      <Form start={keptDraft(draftKey()) ?? EMPTY_DRAFT} />
    </section>
  );
}

export function EditTask({ id }: { readonly id: string }) {
  const answer = useAnswer<Task>(`/tasks/${encodeURIComponent(id)}?reveal=true`);
  return (
    <section>
      <h1>{t('edit.title', { name: answer.value === undefined ? '' : nameOf(answer.value) })}</h1>
      <Answered answer={answer}>
        {task => <Form key={String(task.version)} start={draftOf(task)} task={task} again={answer.again} />}
      </Answered>
    </section>
  );
}

interface FormProps {
  readonly start: Draft;
  readonly task?: Task;
  readonly again?: () => void;
}

function Form({ start, task, again }: FormProps) {
  const draft = useSignal(start);
  const problem = useSignal<Problem | undefined>(undefined);
  const isBusy = useSignal(false);
  const key = useSignal(crypto.getRandomValues(new Uint32Array(4)).join('-'));
  const set = (change: Partial<Draft>): void => {
    draft.value = { ...draft.peek(), ...change };
    if (task === undefined) keepDraft(draftKey(), draft.peek());
  };
  const save = async (event: Event, isForced = false): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    problem.value = undefined;
    try {
      done(await send({ draft: draft.peek(), start, task, isForced, key: key.peek() }));
    } catch (error) {
      problem.value = asProblem(error);
      // The node has judged this body: another one is another wish.
      key.value = crypto.getRandomValues(new Uint32Array(4)).join('-');
    }
    isBusy.value = false;
  };
  const part: FormPart = { draft: draft.value, set, isNew: task === undefined, errorsAt: errorsIn(problem.value) };
  return (
    <form onSubmit={event => void save(event)} noValidate>
      <SourceStep {...part} />
      <DestinationStep {...part} />
      <WhenStep {...part} />
      <More {...part} />
      <Collisions draft={draft.value} own={task?.id} />
      <p class="note" data-summary>
        {summaryOf(draft.value)}
      </p>
      <ProblemNote problem={problem.value} />
      <div class="row">
        <button type="submit" class="primary" disabled={isBusy.value}>
          {t(task === undefined ? 'edit.create' : 'edit.save')}
        </button>
        {problem.value?.status === 412 && again !== undefined && (
          <>
            <button type="button" onClick={again}>
              {t('edit.load')}
            </button>
            <button type="button" class="danger" onClick={event => void save(event, true)}>
              {t('edit.over')}
            </button>
          </>
        )}
        <a class="button" href={task === undefined ? href(['tasks']) : href(['tasks', task.id])}>
          {t('action.cancel')}
        </a>
      </div>
      <Plan body={bodyOf(draft.value)} />
      <CopyAs change={changeFor(draft.value, start, task)} />
    </form>
  );
}

function done(task: Task): void {
  dropDraft(draftKey());
  keepTask(task);
  go(['tasks', task.id]);
}

interface Sending {
  readonly draft: Draft;
  readonly start: Draft;
  readonly task: Task | undefined;
  /** Whatever somebody else has changed meanwhile. */
  readonly isForced: boolean;
  /** So that a create whose answer was lost makes no second task when it is sent again. */
  readonly key: string;
}

function send({ draft, start, task, isForced, key }: Sending): Promise<Task> {
  if (task === undefined) {
    return call<Task>('POST', '/tasks', { body: bodyOf(draft), headers: { 'idempotency-key': key } });
  }
  const headers = isForced ? {} : { 'if-match': `"${task.version}"` };
  return call<Task>('PATCH', `/tasks/${task.id}`, { body: changeBodyOf(start, draft), headers });
}

function changeFor(draft: Draft, start: Draft, task: Task | undefined): Change {
  if (task !== undefined) {
    const body = changeBodyOf(start, draft);
    return {
      method: 'PATCH',
      path: `/tasks/${task.id}`,
      body,
      ifMatch: task.version,
      cli: ['task', 'edit', task.id, '--file', '-'],
    };
  }
  const body = bodyOf(draft);
  return {
    method: 'POST',
    path: '/tasks',
    body,
    cli: ['task', 'create', '--file', '-'],
    ...cloudCreates(draft),
  };
}

const errorsIn =
  (problem: Problem | undefined): FormPart['errorsAt'] =>
  field =>
    (problem?.errors ?? []).filter(error => error.field === field).map(({ rule }) => rule);

/** Two pushes to one name cut each other off: it is said before it happens. */
function Collisions({ draft, own }: { readonly draft: Draft; readonly own: string | undefined }) {
  useEffect(() => void revealDestinations().catch(() => undefined), []);
  const found = collisionsOf(draft, { tasks: tasks.value, placeOf, own });
  if (found.length === 0) return null;
  return (
    <p class="note note-warn" role="status">
      ⚠ {t('edit.collides', { names: found.map(nameOf).join(', ') })}
    </p>
  );
}

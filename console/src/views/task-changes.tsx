import { useAnswer } from '../asked.ts';
import type { Task } from '../model.ts';
import { AuditList, type AuditPage } from '../parts/audit-list.tsx';
import { Answered } from '../parts/empty.tsx';

/** Who changed what? */
export function TaskChanges({ task }: { readonly task: Task }) {
  const answer = useAnswer<AuditPage>(`/audit?target=${task.id}&limit=100`);
  return <Answered answer={answer}>{page => <AuditList page={page} />}</Answered>;
}

import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { strangerCount } from './api.ts';
import { follow } from './feed.ts';
import { Help } from './parts/help.tsx';
import { ProblemNote } from './parts/problem-note.tsx';
import { Shell } from './parts/shell.tsx';
import { route } from './router.ts';
import { followTasks } from './tasks.ts';
import { Login } from './views/login.tsx';
import { Setup } from './views/setup.tsx';
import { viewOf } from './views.tsx';
import { meetVisitor, visitor, visitorProblem } from './visitor.ts';

/** Who is not known yet is asked who they are; everybody else is shown what the address names. */
export function App() {
  const former = useRef<string | undefined>(undefined);
  useSignalEffect(() => {
    if (strangerCount.value > 0) void meetVisitor();
  });
  const user = visitor.value?.user;
  useEffect(() => {
    if (typeof user !== 'string') return;
    // What is on the page was for somebody else.
    if (former.current !== undefined && former.current !== user) location.reload();
    former.current = user;
  }, [user]);
  if (user === undefined) {
    return (
      <main class="alone">
        <ProblemNote problem={visitorProblem.value} again={() => void meetVisitor()} />
      </main>
    );
  }
  if (user === null && former.current === undefined) return route.value.path[0] === 'setup' ? <Setup /> : <Login />;
  // Of a session that has ended the page stays below the login, with all that was typed into it.
  return (
    <>
      {user === null && <Login />}
      <div hidden={user === null}>
        <Inside />
      </div>
    </>
  );
}

function Inside() {
  useEffect(() => {
    const ending = new AbortController();
    void follow(ending.signal);
    followTasks();
    return () => ending.abort();
  }, []);
  return (
    <Shell>
      {viewOf(route.value)}
      <Help />
    </Shell>
  );
}

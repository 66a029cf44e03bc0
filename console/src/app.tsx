import { useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
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
  useSignalEffect(() => {
    if (strangerCount.value > 0) void meetVisitor();
  });
  if (visitor.value === undefined) {
    return (
      <main class="alone">
        <ProblemNote problem={visitorProblem.value} again={() => void meetVisitor()} />
      </main>
    );
  }
  if (route.value.path[0] === 'setup' && visitor.value.user === null) return <Setup />;
  if (visitor.value.user === null) return <Login />;
  return <Inside />;
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

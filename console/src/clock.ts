import { signal } from '@preact/signals';

/** The time of the reader, once a second: what shows "since" reads it and is drawn anew. */
export const clock = signal(Date.now());

setInterval(() => {
  if (!document.hidden) clock.value = Date.now();
}, 1_000);
document.addEventListener('visibilitychange', () => {
  clock.value = Date.now();
});

import { signal } from '@preact/signals';

/** The time of the reader, once a second: what shows "since" reads it and is drawn anew. */
export const clock = signal(Date.now());

/** Whether anybody can see the page: what only feeds the eye stops meanwhile. */
export const isSeen = signal(!document.hidden);

setInterval(() => {
  if (!document.hidden) clock.value = Date.now();
}, 1_000);
document.addEventListener('visibilitychange', () => {
  isSeen.value = !document.hidden;
  clock.value = Date.now();
});

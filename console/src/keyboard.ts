import { signal } from '@preact/signals';
import { go } from './router.ts';

export const isHelpShown = signal(false);

/** Two keys one after the other: `g t` and so on. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  h: [],
  t: ['tasks'],
  s: ['schedule'],
  e: ['events'],
  n: ['nodes'],
  d: ['deliveries'],
};

const CHORD_MS = 1_500;
let pressedG = Number.NEGATIVE_INFINITY;

const KEYS: Readonly<Record<string, () => void>> = {
  '/': () => focusFirst('[data-search]'),
  n: () => go(['new']),
  '?': () => {
    isHelpShown.value = !isHelpShown.value;
  },
  j: () => step(1),
  k: () => step(-1),
};

export function listenToKeys(): void {
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]') !== null && event.key !== '?') return;
    const isChord = performance.now() - pressedG < CHORD_MS;
    pressedG = Number.NEGATIVE_INFINITY;
    if (isChord) {
      const place = PLACES[event.key];
      if (place !== undefined) go(place);
      return;
    }
    if (event.key === 'g') {
      pressedG = performance.now();
      return;
    }
    const act = KEYS[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function focusFirst(selector: string): void {
  const field = document.querySelector<HTMLElement>(selector);
  if (field === null) go(['tasks']);
  else field.focus();
}

/** From row to row of the list that is shown. */
function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex(row => row === document.activeElement || row.contains(document.activeElement));
  rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
}

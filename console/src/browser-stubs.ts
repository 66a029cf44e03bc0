// What the modules of the console reach for as they are loaded, for tests of their rules outside a browser.
const nothing = (): void => undefined;
const stored = new Map<string, string>();
const storage = {
  getItem: (name: string) => stored.get(name) ?? null,
  setItem: (name: string, value: string) => void stored.set(name, value),
  removeItem: (name: string) => void stored.delete(name),
};

Object.assign(globalThis, {
  localStorage: storage,
  sessionStorage: storage,
  document: { documentElement: { dataset: {}, lang: '' }, addEventListener: nothing, hidden: false },
  location: { hash: '', origin: 'http://127.0.0.1:8080' },
  addEventListener: nothing,
});

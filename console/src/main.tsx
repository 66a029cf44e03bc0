import { render } from 'preact';
import { App } from './app.tsx';
import './preferences.ts';
import { listenToKeys } from './keyboard.ts';
import { meetVisitor } from './visitor.ts';

const root = document.getElementById('console');
if (root !== null) {
  listenToKeys();
  void meetVisitor();
  render(<App />, root);
}

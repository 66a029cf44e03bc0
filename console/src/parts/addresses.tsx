import type { Destination, Task } from '../model.ts';
import { t } from '../words.ts';

export const sourceText = ({ source }: Pick<Task, 'source'>): string =>
  source.kind === 'live'
    ? source.url
    : t('source.files', { n: source.items.length, first: fileName(source.items[0]?.url ?? '') });

export const destinationText = (destination: Destination): string =>
  destination.kind === 'url' ? destination.url : `${destination.domain}/${destination.app}/${destination.stream}`;

export function fileName(url: string): string {
  const [path = ''] = url.split('?');
  return path.replace(/\/+$/, '').split('/').at(-1) ?? url;
}

export const nameOf = ({ name, id }: Pick<Task, 'name' | 'id'>): string => (name === '' ? id.slice(0, 8) : name);

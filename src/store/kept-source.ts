import type { ListSource, SourceSpec } from '../task/spec.ts';

/** A source as it may lie in the store: earlier versions knew nothing of a file of a list but its address. */
export type KeptSource = SourceSpec | (Omit<ListSource, 'items'> & { readonly urls: readonly string[] });

export function toSource(kept: KeptSource): SourceSpec {
  if (!('urls' in kept)) return kept;
  const { urls, ...rest } = kept;
  return { ...rest, items: urls.map(url => ({ url })) };
}

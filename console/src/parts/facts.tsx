/** Any JSON as nested terms and their values: for answers whose fields speak for themselves. */
export function Facts({ value }: { readonly value: unknown }) {
  if (Array.isArray(value)) {
    return (
      <ol>
        {value.map((inner, at) => (
          <li key={String(at)}>
            <Facts value={inner} />
          </li>
        ))}
      </ol>
    );
  }
  if (typeof value === 'object' && value !== null) {
    return (
      <dl class="pairs">
        {Object.entries(value).map(([name, inner]) => (
          <div key={name}>
            <dt>{name.replaceAll('_', ' ')}</dt>
            <dd>
              <Facts value={inner} />
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  return <span>{value === null || value === undefined || value === '' ? '—' : String(value)}</span>;
}

/** One attribute of a list: RFC 8216, section 4.2. Quoted strings hold no quotation mark. */
const ATTRIBUTE = /([A-Z0-9-]+)=("[^"]*"|[^",]*)(?:,|$)/y;

/** The attributes with quotes taken off; undefined where the text is no list of attributes. */
export function parseAttributes(text: string): ReadonlyMap<string, string> | undefined {
  const attributes = new Map<string, string>();
  ATTRIBUTE.lastIndex = 0;
  while (ATTRIBUTE.lastIndex < text.length) {
    // Writers put spaces behind the commas.
    while (text[ATTRIBUTE.lastIndex] === ' ') ATTRIBUTE.lastIndex++;
    const [, name, value] = ATTRIBUTE.exec(text) ?? [];
    if (name === undefined || value === undefined) return undefined;
    attributes.set(name, value.startsWith('"') ? value.slice(1, -1) : value.trim());
  }
  return attributes;
}

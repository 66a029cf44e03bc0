/** The name and the password of an address, their escapes undone once. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** What stands in front of the `@` of an address; undefined where nothing does. */
export function credentialsOf(userinfo: string): Credentials | undefined {
  if (userinfo === '') return undefined;
  const colon = userinfo.indexOf(':');
  const name = colon < 0 ? userinfo : userinfo.slice(0, colon);
  return { name: decoded(name), password: colon < 0 ? '' : decoded(userinfo.slice(colon + 1)) };
}

/** The text without its escapes; as it is where they make no sense. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

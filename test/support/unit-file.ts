/** A systemd unit by its sections; a key that is written several times has several values. */
export function unitSettings(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n")) {
    const [, name] = /^\[(.+)\]$/.exec(line) ?? [];
    section = name ?? section;
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const path = `${section}.${key}`;
    settings.set(path, [...(settings.get(path) ?? []), value]);
  }
  return settings;
}

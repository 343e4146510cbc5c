/** How much of a download is done, in percent, as `codeassist models pull` writes it. */
export function percentage(line: string): number | undefined {
  const found = /([\d,]+) of ([\d,]+) MB/.exec(line);
  if (!found) return undefined;
  const [done = 0, all = 0] = found.slice(1).map((each) => Number(each.replaceAll(',', '')));
  return all ? Math.min(100, Math.round((100 * done) / all)) : undefined;
}

const LONGEST = 400;

/** Text of others, such as a server's error or a model's name, as one line of a message: VS Code makes links of
 * `[text](command:…)` there, and a click on one runs the command. */
export function plain(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}\s]+/gu, ' ').trim().replaceAll('](', '] (');
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

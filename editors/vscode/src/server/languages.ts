/** The setting `completion.languages_off` as VS Code finds it; both may be whatever stands in the files. */
export interface LanguagesOff {
  globalValue?: unknown;
  workspaceValue?: unknown;
}

/** The setting with a language added, or taken off again, in the place where it holds: what the workspace says hides what
 * the user says. */
export function toggled({ globalValue, workspaceValue }: LanguagesOff, language: string): { inWorkspace: boolean; value: string[] | undefined } {
  const inWorkspace = Array.isArray(workspaceValue);
  const off = list(inWorkspace ? workspaceValue : globalValue);
  const now = off.includes(language) ? off.filter((each) => each !== language) : [...off, language];
  return { inWorkspace, value: now.length || inWorkspace ? now : undefined };
}

/** Whatever stands in a file as a list of texts. */
export function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}

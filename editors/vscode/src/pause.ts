import * as vscode from 'vscode';
import { list, toggled } from './server/languages';

const HERE = 'codeassist.paused';

/** Whether the user has paused codeassist in this workspace. Kept by VS Code, not in the workspace's files: colleagues
 * do not get it with the repository. */
export class Pause {
  constructor(
    private readonly memory: vscode.Memento,
    private readonly changed: () => void,
  ) {}

  get here(): boolean {
    return this.memory.get<boolean>(HERE, false);
  }

  async toggle(): Promise<void> {
    await this.memory.update(HERE, !this.here || undefined);
    this.changed();
  }

  /** `settings` as they are for the server while it is paused. */
  over(settings: Record<string, unknown>): Record<string, unknown> {
    if (!this.here) return settings;
    const { completion, review } = settings as Record<string, Record<string, unknown> | undefined>;
    return { ...settings, completion: { ...completion, enabled: false }, review: { ...review, on_save: false } };
  }
}

/** Add a language to those without completions, or take it off again, in the setting that holds. */
export async function toggleLanguage(language: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration('codeassist');
  const { inWorkspace, value } = toggled(settings.inspect('completion.languages_off') ?? {}, language);
  await settings.update('completion.languages_off', value, inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global);
}

/** Whether completions are off for a language. */
export function isOff(language: string): boolean {
  return list(vscode.workspace.getConfiguration('codeassist').get('completion.languages_off')).includes(language);
}

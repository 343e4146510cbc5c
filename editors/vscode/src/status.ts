import * as vscode from 'vscode';
import { plain } from './server/plain';

/** The notification `codeassist/status`. `latencyMs` is that of the last completion, `cachedShare` of its prompt (0 to 1).
 * `reason` says what is wrong in one word: of the server's, or no-server and no-start of the extension. */
export interface Status {
  state: 'ready' | 'busy' | 'degraded' | 'off';
  message: string;
  reason?: string | null;
  model?: string;
  latencyMs?: number | null;
  cachedShare?: number | null;
}

const ICONS: Record<Status['state'], string> = {
  ready: '$(check)',
  busy: '$(loading~spin)',
  degraded: '$(warning)',
  off: '$(circle-slash)',
};

/** The model and the figures of a status, each as a phrase. */
export function facts({ model, latencyMs, cachedShare }: Status): string[] {
  return [
    model && `Model: ${plain(model)}`,
    typeof latencyMs === 'number' && `Last completion: ${latencyMs} ms`,
    typeof cachedShare === 'number' && `Prompt from the cache: ${Math.round(cachedShare * 100)} %`,
  ].filter((fact): fact is string => !!fact);
}

/** Our entry in the status bar. A click opens the menu. */
export class StatusItem implements vscode.Disposable {
  last: Status = { state: 'off', message: '' };
  private readonly bar = vscode.window.createStatusBarItem('codeassist.status', vscode.StatusBarAlignment.Right);

  constructor() {
    this.bar.name = 'codeassist';
    this.bar.command = 'codeassist.menu';
  }

  /** `paused`: the user has paused codeassist here, which the server only knows as settings. */
  show(status: Status, paused: boolean): void {
    this.last = status;
    const said = [paused && 'Paused in this workspace.', plain(status.message), ...facts(status)].filter(Boolean);
    this.bar.text = `${ICONS[status.state]} codeassist`;
    this.bar.tooltip = said.join('\n') || `codeassist is ${status.state}`;
    this.bar.accessibilityInformation = { label: [`codeassist is ${status.state}`, ...said].join('. '), role: 'button' };
    this.bar.backgroundColor = status.state === 'degraded' ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.bar.show();
  }

  dispose(): void {
    this.bar.dispose();
  }
}

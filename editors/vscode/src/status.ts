import * as vscode from 'vscode';

/** The notification `codeassist/status`. `latencyMs` is that of the last completion, `cachedShare` of its prompt (0 to 1). */
export interface Status {
  state: 'ready' | 'busy' | 'degraded' | 'off';
  message: string;
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

/** Shows `status` in the status bar. `command` is what a click does. */
export function show({ state, message, model, latencyMs, cachedShare }: Status, bar: vscode.StatusBarItem, command: vscode.StatusBarItem['command']): void {
  const facts = [
    message,
    model && `Model: ${model}`,
    typeof latencyMs === 'number' && `Last completion: ${latencyMs} ms`,
    typeof cachedShare === 'number' && `Prompt from the cache: ${Math.round(cachedShare * 100)} %`,
  ];
  bar.text = `${ICONS[state]} codeassist`;
  bar.tooltip = facts.filter(Boolean).join('\n') || `codeassist is ${state}`;
  bar.command = command;
  bar.show();
}

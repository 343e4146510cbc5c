import * as vscode from 'vscode';

/** The part of package.json that `configuration.py` makes. */
export interface Manifest {
  activationEvents: string[];
  contributes: { configuration: { properties: Record<string, { scope: string }> } };
}

const OWN = ['codeassist.command', 'codeassist.trace.server'];

/** What was set, as a tree, and no defaults: sent along, those would hide codeassist's own files and the environment. */
export function chosen(manifest: Manifest): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, { scope }] of Object.entries(manifest.contributes.configuration.properties)) {
    const found = vscode.workspace.getConfiguration().inspect(key);
    const shared = scope === 'machine' ? undefined : found?.workspaceValue;
    const value = shared ?? found?.globalValue;
    if (value === undefined || OWN.includes(key)) continue;
    const [, ...path] = key.split('.');
    const name = path.pop() ?? '';
    let inner = values;
    for (const section of path) inner = (inner[section] ??= {}) as Record<string, unknown>;
    inner[name] = value;
  }
  return values;
}

/** The documents that the server gets. */
export function selector(manifest: Manifest): { scheme: string; language: string }[] {
  const languages = manifest.activationEvents.filter((event) => event.startsWith('onLanguage:')).map((event) => event.slice('onLanguage:'.length));
  return ['file', 'untitled'].flatMap((scheme) => languages.map((language) => ({ scheme, language })));
}

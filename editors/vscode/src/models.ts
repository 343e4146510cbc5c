import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { cancellable } from './progress';
import type { Codeassist } from './server/find';
import { plain } from './server/plain';
import { percentage } from './server/pulling';
import { Failed, run } from './server/run';

/** The server's reason for silence while there is no model on this machine. */
export const NO_MODEL = 'engine-model-missing';

/** One answer of `codeassist.models`. */
interface Choice {
  name: string;
  setting: string;
  detail: string;
  installed: boolean;
  current: boolean;
}

/** Let the user choose from what the server offers; a model that is not there yet is downloaded first. */
export async function chooseModel(client: LanguageClient, download: (name: string) => Promise<boolean>): Promise<void> {
  const offered = await client.sendRequest<Choice[] | null>('workspace/executeCommand', { command: 'codeassist.models' }).catch((error: unknown) => {
    void vscode.window.showErrorMessage(`codeassist: ${plain(error instanceof Error ? error.message : String(error))}`);
    return undefined;
  });
  if (!offered?.length) {
    if (offered !== undefined) void vscode.window.showInformationMessage('codeassist: there is no model to choose from. "Run Doctor" says what the server answers.');
    return;
  }
  const items = offered.map((choice) => ({
    label: `${choice.current ? '$(check)' : '$(blank)'} ${choice.name}`,
    description: [choice.detail, !choice.installed && 'will be downloaded'].filter(Boolean).join(', '),
    choice,
  }));
  const picked = await vscode.window.showQuickPick(items, { title: 'codeassist: the model that completes', matchOnDescription: true });
  if (!picked) return;
  const { name, setting, installed } = picked.choice;
  if (!installed && !(await download(name))) return;
  await vscode.workspace.getConfiguration('codeassist').update(setting, name, vscode.ConfigurationTarget.Global);
}

/** Ask what to do about there being no model. The status and the menu go on offering the download. */
export async function offerModel(client: LanguageClient): Promise<void> {
  const known = await client.sendRequest<Choice[]>('workspace/executeCommand', { command: 'codeassist.models' }).catch(() => []);
  const size = known.find(({ current }) => current)?.detail;
  const download = 'Download';
  const name = 'Name a Server';
  const question = `codeassist needs a model. Download the one for this machine${size ? ` (${plain(size)})` : ''}, or name the server that you use?`;
  const picked = await vscode.window.showInformationMessage(question, download, name, 'Not Now');
  if (picked === download) await vscode.commands.executeCommand('codeassist.pullModel');
  if (picked === name) await vscode.commands.executeCommand('workbench.action.openSettings', 'codeassist.server.url');
}

/** Download an embedded model, the usual one if `name` is undefined, with progress. True if it is there. */
export async function downloadModel(server: Codeassist, name: string | undefined, env: Record<string, string>, output: vscode.LogOutputChannel): Promise<boolean> {
  try {
    return await cancellable('codeassist', (progress, signal) => {
      let shown = 0;
      const onLine = (line: string): void => {
        output.info(line);
        const done = percentage(line);
        progress.report({ message: line, ...(done !== undefined && { increment: done - shown }) });
        shown = done ?? shown;
      };
      return run(server.program, [...server.args, 'models', 'pull', ...(name ? [name] : [])], { onLine, signal, env });
    });
  } catch (error) {
    const said = error instanceof Failed ? error.output.trim().split('\n').at(-1) || error.message : String(error);
    output.error(said);
    void vscode.window.showErrorMessage(`codeassist: the model is not there yet. ${plain(said)}`, 'Try Again').then((picked) => {
      if (picked) void vscode.commands.executeCommand('codeassist.pullModel', name);
    });
    return false;
  }
}

import * as vscode from 'vscode';
import { installServer, offerInstall } from './install';
import { Keeper, ownEnvironment } from './keeper';
import { chosen, type Manifest } from './settings';
import { StatusItem } from './status';
import { showTrace, traceProvider } from './trace';

let keeper: Keeper | undefined;

/** Returns at once: the server is looked for and started meanwhile. */
export function activate(context: vscode.ExtensionContext): void {
  const manifest = context.extension.packageJSON as Manifest;
  const environment = ownEnvironment(context);
  const output = vscode.window.createOutputChannel('codeassist', { log: true });
  const status = new StatusItem();
  const ran = async (command: string, answer: unknown): Promise<void> => {
    if (command === 'codeassist.showTrace') await showTrace(answer);
  };
  const around = { manifest, output, settings: () => chosen(manifest), ran };
  const started = async (made: boolean): Promise<void> => {
    if (made) await keeper?.restart();
  };
  const missing = (): void => void offerInstall(context, environment, output).then(started);
  keeper = new Keeper(environment, around, (now) => status.show(now), missing, (command, reason) => explain(command, reason, output));
  context.subscriptions.push(
    output,
    status,
    keeper,
    traceProvider(),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('codeassist.command')) void keeper?.restart();
    }),
    vscode.commands.registerCommand('codeassist.install', () => installServer(context, environment, output).then(started)),
    vscode.commands.registerCommand('codeassist.restartServer', () => keeper?.restart()),
    vscode.commands.registerCommand('codeassist.showLog', () => output.show()),
  );
  void keeper.restart();
}

export async function deactivate(): Promise<void> {
  await keeper?.stop();
}

function explain(command: string, reason: string, output: vscode.LogOutputChannel): void {
  const message = `codeassist: "${command}" does not run: ${reason}. Correct the setting codeassist.command, or leave it empty to have codeassist looked for.`;
  const again = 'Try Again';
  const open = 'Open Setting';
  void vscode.window.showErrorMessage(message, again, open, 'Show Log').then((picked) => {
    if (picked === again) void vscode.commands.executeCommand('codeassist.restartServer');
    if (picked === open) void vscode.commands.executeCommand('workbench.action.openSettings', 'codeassist.command');
    if (picked === 'Show Log') output.show();
  });
}

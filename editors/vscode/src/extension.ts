import * as vscode from 'vscode';
import { commands } from './commands';
import { Doctor } from './doctor';
import { installServer, offerInstall } from './install';
import { Keeper, ownEnvironment } from './keeper';
import { NO_MODEL, downloadModel, offerModel } from './models';
import { SOURCE } from './others';
import { Pause } from './pause';
import { cancelAll } from './progress';
import { plain } from './server/plain';
import { together } from './server/together';
import { environmentVariables } from './server/variables';
import { chosen, type Manifest } from './settings';
import { StatusItem, type Status } from './status';
import { TracePanel } from './trace/panel';
import { Walkthrough } from './walkthrough';

let keeper: Keeper | undefined;

/** Returns at once: the server is looked for and started meanwhile. */
export function activate(context: vscode.ExtensionContext): void {
  const manifest = context.extension.packageJSON as Manifest;
  const environment = ownEnvironment(context);
  const output = vscode.window.createOutputChannel('codeassist', { log: true });
  const status = new StatusItem();
  const trace = new TracePanel();
  const doctor = new Doctor();
  const walkthrough = new Walkthrough();
  const variables = (): Record<string, string> => environmentVariables(chosen(manifest));

  let modelOffered = false; // Once in each window.
  const show = (now: Status): void => {
    status.show(now, pause.here);
    if (now.reason === NO_MODEL && made.running && !modelOffered) {
      modelOffered = true;
      void offerModel(made.running);
    }
    if (made.running) walkthrough.finished('server');
    if (now.state === 'ready' && now.model) walkthrough.finished('engine');
    if (typeof now.latencyMs === 'number') walkthrough.finished('completion');
    if (made.running) void trace.refresh(made.running);
  };
  const ran = async (command: string): Promise<void> => {
    if (command.startsWith('codeassist.review')) walkthrough.finished('review');
    if (command === 'codeassist.showTrace' && made.running) await trace.show(made.running);
  };
  const pause = new Pause(context.workspaceState, () => void made.running?.sendNotification('workspace/didChangeConfiguration', { settings: null }));
  const around = { manifest, output, settings: () => pause.over(chosen(manifest)), ran };
  const restartIf = async (installed: boolean): Promise<void> => {
    if (installed) await made.restart();
  };
  const install = together(() => installServer(context, environment, output).then(restartIf));
  const offer = together(() => offerInstall(context, install));
  const missing = (): void => void offer();
  const tell = (trouble: string): void => explain(trouble, output);
  const made = new Keeper(environment, around, show, missing, tell);
  keeper = made;

  const download = together(async (name?: string): Promise<boolean> => {
    const there = !!made.server && (await downloadModel(made.server, name, variables(), output));
    if (there && made.running) await vscode.commands.executeCommand('codeassist.restartModel'); // It tells that all is well again.
    return there;
  });
  context.subscriptions.push(output, status, made, trace, doctor);
  context.subscriptions.push(...commands({ keeper: made, status, pause, doctor, output, install, download, variables, walkthrough, explain: tell }));
  context.subscriptions.push(
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      if (uris.some((uri) => vscode.languages.getDiagnostics(uri).some(({ source }) => source === SOURCE))) walkthrough.finished('review');
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('codeassist.command')) void made.restart();
    }),
  );
  void made.restart();
}

export async function deactivate(): Promise<void> {
  cancelAll();
  await keeper?.stop();
}

function explain(trouble: string, output: vscode.LogOutputChannel): void {
  const message = `codeassist: ${plain(trouble)}. Correct the setting codeassist.command, or leave it empty to have codeassist looked for.`;
  const again = 'Try Again';
  const open = 'Open Setting';
  void vscode.window.showErrorMessage(message, again, open, 'Show Log').then((picked) => {
    if (picked === again) void vscode.commands.executeCommand('codeassist.restartServer');
    if (picked === open) void vscode.commands.executeCommand('workbench.action.openSettings', 'codeassist.command');
    if (picked === 'Show Log') output.show();
  });
}

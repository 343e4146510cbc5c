import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { cancellable } from './progress';
import { NotMade, make } from './server/environment';
import { plain } from './server/plain';
import { run } from './server/run';

const DECLINED = 'codeassist.installDeclined';

/** Ask whether to make the environment; once answered with no, only the status and the menu offer it. */
export async function offerInstall(context: vscode.ExtensionContext, wanted: () => Promise<void>): Promise<void> {
  if (context.globalState.get<boolean>(DECLINED)) return;
  const install = 'Install';
  const choose = 'Choose a Program...';
  const question =
    'codeassist needs its language server, a Python program. Install it into a folder of its own, from your Python package index (about 60 MB to download, 200 MB on the disk)? Nothing else on this machine is changed.';
  const picked = await vscode.window.showInformationMessage(question, install, choose, 'Not Now');
  if (picked === install) await wanted();
  if (picked === choose) await vscode.commands.executeCommand('workbench.action.openSettings', 'codeassist.command');
  if (picked === 'Not Now') await context.globalState.update(DECLINED, true);
}

/** Make the environment, with progress; what goes wrong is said with what to do. True if it was made. */
export async function installServer(context: vscode.ExtensionContext, environment: string, output: vscode.LogOutputChannel): Promise<boolean> {
  await context.globalState.update(DECLINED, undefined);
  const wheel = bundledWheel(context.extensionPath);
  if (!wheel) {
    void vscode.window.showErrorMessage('codeassist: this build of the extension comes without the language server. Name yours in the setting codeassist.command.');
    return false;
  }
  try {
    return await cancellable('codeassist: installing the language server', (progress, signal) => {
      const onLine = (line: string): void => {
        output.info(line);
        progress.report({ message: shortened(line) });
      };
      return make(environment, wheel, run, { onLine, signal });
    });
  } catch (error) {
    const message = error instanceof NotMade ? error.message : String(error);
    output.error(message);
    void vscode.window.showErrorMessage(`codeassist: the language server could not be installed. ${plain(message)}`, 'Try Again', 'Show Log').then((picked) => {
      if (picked === 'Show Log') output.show();
      if (picked === 'Try Again') void vscode.commands.executeCommand('codeassist.install');
    });
    return false;
  }
}

function bundledWheel(extension: string): string | undefined {
  const folder = path.join(extension, 'server');
  const found = fs.existsSync(folder) ? fs.readdirSync(folder).find((file) => file.endsWith('.whl')) : undefined;
  return found && path.join(folder, found);
}

function shortened(line: string): string {
  const words = line.trim().replace(/\s*\(from .*\)$/, '');
  return words.length > 80 ? `${words.slice(0, 79)}…` : words;
}

import * as vscode from 'vscode';
import type { Doctor } from './doctor';
import type { Keeper } from './keeper';
import { openMenu } from './menu';
import { chooseModel } from './models';
import { toggleLanguage, type Pause } from './pause';
import type { StatusItem } from './status';
import type { Walkthrough } from './walkthrough';

/** What the commands are about. */
export interface Parts {
  keeper: Keeper;
  status: StatusItem;
  pause: Pause;
  doctor: Doctor;
  output: vscode.LogOutputChannel;
  install: () => Promise<void>;
  /** Download an embedded model; true if it is there. */
  download: (name?: string) => Promise<boolean>;
  /** The settings as environment variables, for the command line. */
  variables: () => Record<string, string>;
  walkthrough: Walkthrough;
  /** Tell why the server was given up. */
  explain: (trouble: string) => void;
}

/** The commands of the extension. Those of the server are made by the language client. */
export function commands({ keeper, status, pause, doctor, output, install, download, variables, walkthrough, explain }: Parts): vscode.Disposable[] {
  const needed = (): void => (keeper.trouble ? explain(keeper.trouble) : void tellOfNoServer(!!keeper.server));
  const language = (): string | undefined => vscode.window.activeTextEditor?.document.languageId;
  return [
    vscode.commands.registerCommand('codeassist.menu', () => {
      walkthrough.finished('menu');
      return openMenu({ status: status.last, running: !!keeper.running, paused: pause.here });
    }),
    vscode.commands.registerCommand('codeassist.togglePause', () => pause.toggle()),
    vscode.commands.registerCommand('codeassist.toggleLanguage', (named = language()) => named && toggleLanguage(named)),
    vscode.commands.registerCommand('codeassist.chooseModel', () => (keeper.running ? chooseModel(keeper.running, download) : needed())),
    vscode.commands.registerCommand('codeassist.pullModel', (name?: string) => (keeper.server ? download(name) : needed())),
    vscode.commands.registerCommand('codeassist.doctor', () => (keeper.server ? doctor.examine(keeper.server, variables()) : needed())),
    vscode.commands.registerCommand('codeassist.reviewFirst', () => (keeper.running ? reviewFirst() : needed())),
    vscode.commands.registerCommand('codeassist.install', install),
    vscode.commands.registerCommand('codeassist.restartServer', () => keeper.restart()),
    vscode.commands.registerCommand('codeassist.showLog', () => output.show()),
    vscode.commands.registerCommand('codeassist.walkthrough', () => walkthrough.open()),
  ];
}

/** The walkthrough's own: it is in front itself, so that there is no document in front. Then the server reviews what is open. */
async function reviewFirst(): Promise<void> {
  const isOpen = vscode.workspace.textDocuments.some(({ uri }) => uri.scheme === 'file');
  if (isOpen) await vscode.commands.executeCommand('codeassist.review');
  else await vscode.window.showInformationMessage('codeassist: open a file with code first.');
}

/** The walkthrough and the menu lead to commands that need a server, whether there is one or not. */
async function tellOfNoServer(isFound: boolean): Promise<void> {
  const [action, command] = isFound ? ['Start It', 'codeassist.restartServer'] : ['Install It', 'codeassist.install'];
  const picked = await vscode.window.showInformationMessage(`codeassist: the language server ${isFound ? 'does not run' : 'is not installed'}.`, action);
  if (picked) await vscode.commands.executeCommand(command);
}
